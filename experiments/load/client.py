"""An open loop: every request is sent when it is due, whatever has become of those before it.

Latency counts from the moment at which a request was due, not from when it could be sent: a client that is late must not
make the server look better (coordinated omission). How late it was is reported.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import aiohttp

from experiments.workload.export import body_of
from planner.request import Request

ROUTE = "/v1/images/generations"
PROMPTS = (
    "a lighthouse above a stormy sea, oil on canvas",
    "a bowl of ripe persimmons on a wooden table",
    "an astronaut reading in a library of glass",
)


@dataclass(frozen=True)
class Sent:
    """What became of a request, as its client saw it.

    Parameters
    ----------
    request
        Its id.
    sent, ended
        Seconds of the clock since the start of the load: when it was sent, and when the whole answer was there.
    status
        Of HTTP; 0 if there was no answer.
    server
        Whether the server says that it met the deadline; None if it says nothing.
    promised
        Whether the server promised it; None if it says nothing.
    error
        What went wrong, if something did.
    """

    request: int
    sent: float
    ended: float
    status: int
    server: bool | None = None
    promised: bool | None = None
    error: str = ""


@dataclass(frozen=True)
class Target:
    """A server.

    Parameters
    ----------
    url
        Its address, without a path.
    key
        Sent as a bearer token; empty for none.
    model
        Asked for by name; empty for none.
    speed
        Seconds of the workload in a second of the clock.
    patience
        Seconds that a request may take at most.
    """

    url: str
    key: str = ""
    model: str = ""
    speed: float = 1.0
    patience: float = 600.0


async def load(
    requests: Sequence[Request],
    target: Target,
    on_end: Callable[[Sent], None],
    clock: Callable[[], float] = time.monotonic,
) -> list[Sent]:
    """Send requests, each when it is due, and wait for all answers.

    Parameters
    ----------
    requests
        In order of arrival.
    target
        Where to.
    on_end
        Called when one has ended.
    clock
        Seconds on a real clock.

    Returns
    -------
    list of Sent
        In the order of the requests.
    """
    headers = {"Authorization": f"Bearer {target.key}"} if target.key else {}
    timeout = aiohttp.ClientTimeout(total=target.patience)
    connector = aiohttp.TCPConnector(limit=0)
    url = target.url.rstrip("/") + ROUTE
    async with aiohttp.ClientSession(headers=headers, timeout=timeout, connector=connector) as session:
        zero = clock()

        async def one(request: Request) -> Sent:
            sent = clock() - zero
            try:
                async with session.post(url, json=_payload(request, target)) as answer:
                    body = await answer.read()
                    met, promised = (answer.headers.get(name) for name in ("X-Deadline-Met", "X-Deadline-Promise"))
                    made = Sent(
                        request.id,
                        sent,
                        clock() - zero,
                        answer.status,
                        None if met is None else met == "1",
                        None if promised is None else promised == "1",
                        "" if answer.status == 200 else body[:200].decode(errors="replace"),
                    )
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                made = Sent(request.id, sent, clock() - zero, 0, error=f"{type(error).__name__}: {error}")
            on_end(made)
            return made

        tasks = []
        for request in requests:
            ahead = request.arrival / target.speed - (clock() - zero)
            if ahead > 0:
                await asyncio.sleep(ahead)
            tasks.append(asyncio.create_task(one(request)))
        return list(await asyncio.gather(*tasks))


def _payload(request: Request, target: Target) -> dict[str, object]:
    body = body_of(request, PROMPTS[request.id % len(PROMPTS)], target.speed)
    return body | ({"model": target.model} if target.model else {})


async def healthy(target: Target, seconds: float) -> None:
    """Wait until a server says that it is ready.

    Raises
    ------
    ValueError
        If it does not within so many seconds.
    """
    until, said = time.monotonic() + seconds, "nothing"
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5.0)) as session:
        while True:
            try:
                async with session.get(target.url.rstrip("/") + "/health") as answer:
                    if answer.status in (200, 404):
                        return
                    said = f"status {answer.status}"
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                said = f"{type(error).__name__}: {error}"
            if time.monotonic() > until:
                raise ValueError(f"URL is {target.url}: no server is ready there after {seconds:g} s ({said})")
            await asyncio.sleep(0.5)
