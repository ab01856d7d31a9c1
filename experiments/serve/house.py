"""What all routes share: one server's settings, its desk, and how it makes an image of what is done."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request

from experiments.serve.desk import Desk, Ending, Order
from experiments.serve.errors import RefusalError
from experiments.serve.settings import Settings
from experiments.serve.wanted import Wanted

Maker = Callable[[Order, str], bytes]
"""Returns the file of a finished request, in the format ``PNG``, ``JPEG``, ``WEBP`` or ``MP4``; called in a thread."""


@dataclass
class House:
    """A server.

    Parameters
    ----------
    settings
        What it was told.
    desk
        Between clients and planner.
    clock
        Seconds of the cluster.
    make
        Makes files.
    about
        What ``/server_info`` says.
    """

    settings: Settings
    desk: Desk
    clock: Callable[[], float]
    make: Maker
    about: dict[str, Any] = field(default_factory=dict)

    def hand_in(self, wanted: Wanted, received: float) -> list[Order]:
        """Hand in all that one call wants; if one cannot be, none is.

        Raises
        ------
        RefusalError
            As of :meth:`experiments.serve.desk.Desk.hand_in`.
        """
        tickets: list[Order] = []
        try:
            for _ in range(wanted.count):
                tickets.append(self.desk.hand_in(wanted, self._slo, received, time.time()))
        except RefusalError:
            self.take_back(tickets)
            raise
        return tickets

    def take_back(self, tickets: list[Order]) -> None:
        """Cancel what nobody waits for any more."""
        for ticket in tickets:
            self.desk.take_back(ticket)

    async def admitted(self, tickets: list[Order]) -> None:
        """Wait for what admission says.

        Raises
        ------
        RefusalError
            If one is sent away: then all are taken back.
        """
        for ticket in tickets:
            answer = await ticket.answer
            if answer is not None and answer.refused:
                self.take_back(tickets)
                raise self._sent_away(ticket)

    async def results(self, request: Request, tickets: list[Order]) -> list[Ending]:
        """Wait until all are there.

        Raises
        ------
        RefusalError
            If one fails, or is given up. If the client goes away, all are taken back.
        """
        gone = asyncio.ensure_future(_gone(request))
        waiting: set[asyncio.Future[Any]] = {ticket.result for ticket in tickets}
        try:
            while waiting:
                done, waiting = await asyncio.wait({gone, *waiting}, return_when=asyncio.FIRST_COMPLETED)
                if gone in done:
                    raise RefusalError(499, "the client went away")
                waiting.discard(gone)
                for ticket in tickets:
                    if ticket.result.done():
                        check_made(ticket.result.result())
        except BaseException:
            self.take_back(tickets)
            raise
        finally:
            gone.cancel()
        return [ticket.result.result() for ticket in tickets]

    def headers(self, tickets: list[Order]) -> dict[str, str]:
        """Return what every answer says of its requests."""
        timing = [self.timing(ticket) for ticket in tickets]
        parts = {name: max(each[name] for each in timing) for name in timing[0]}
        found = {
            "X-Request-Id": request_id(tickets[0]),
            "X-Deadline-Met": str(int(all(ticket.result.result().fate == "on_time" for ticket in tickets))),
            "X-Deadline-S": f"{(tickets[0].request.deadline - tickets[0].request.arrival) / self.desk.speed:.3f}",
            "X-Queue-S": f"{parts['queue']:.4f}",
            "X-Inference-Time-S": f"{parts['generation']:.4f}",
            "X-Model": self.settings.model,
            "Server-Timing": ", ".join(f"{name};dur={1e3 * seconds:.3f}" for name, seconds in parts.items()),
        }
        answers = [ticket.answer.result() for ticket in tickets]
        if any(answer is not None for answer in answers):
            found["X-Deadline-Promise"] = str(int(all(answer is not None and answer.promised for answer in answers)))
        return found

    def timing(self, ticket: Order) -> dict[str, float]:
        """Return where the time of a finished request went, in seconds of the wall clock."""
        request, result, speed = ticket.request, ticket.result.result(), self.desk.speed
        start = ticket.segments[0].start if ticket.segments else result.at
        end = ticket.segments[-1].end if ticket.segments else result.at
        return {
            "queue": (start - request.arrival) / speed,
            "denoise": (end - start) / speed,
            "decode": max(0.0, result.at - end) / speed,
            "generation": (result.at - request.arrival) / speed,
        }

    def _slo(self, wanted: Wanted) -> float:
        return self.settings.slo(wanted.shape, wanted.steps, wanted.tier)

    def _sent_away(self, ticket: Order) -> RefusalError:
        answer = ticket.answer.result()
        assert answer is not None
        soonest = (answer.finish - ticket.request.arrival) / self.desk.speed
        late = (answer.finish - ticket.request.deadline) / self.desk.speed
        asked = (ticket.request.deadline - ticket.request.arrival) / self.desk.speed
        why = (
            "what else is asked for is worth more per GPU-second"
            if answer.why == "dear"
            else "no schedule that keeps the promises made is in time"
        )
        bounded = soonest < 1e9
        offer = f"{soonest:.3f} s could be promised" if bounded else "nothing could be promised within ten minutes"
        message = f"the deadline {asked:.3f} s after receipt cannot be promised: {why}; {offer}"
        headers = {"Retry-After": str(max(1, min(600, round(late) if bounded else 600))), "X-Deadline-Promise": "0"}
        if bounded:
            headers["X-Earliest-Finish-S"] = f"{soonest:.3f}"
        return RefusalError(429, message, "slo_ms", "deadline_not_promised", headers)


def request_id(ticket: Order) -> str:
    """Return the name of a request for clients."""
    return f"tp-{ticket.request.id}"


def check_made(result: Ending) -> None:
    """Refuse what was not made.

    Raises
    ------
    RefusalError
        With what became of it.
    """
    if result.fate in ("on_time", "late"):
        return
    if result.fate == "cancelled":
        raise RefusalError(503, "the request was handed back: the server stops", code="handed_back")
    if result.why:
        raise RefusalError(500, result.why, code="failed")
    raise RefusalError(504, "the deadline could no longer be met, and the request was given up", code="deadline")


async def _gone(request: Request) -> None:
    """Wait until the client is not there any more."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
