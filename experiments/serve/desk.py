"""The desk between clients and the planner: takes requests in, and knows what became of each.

The planner's loop runs in a thread of its own and tells of what happens there; everything else belongs to the event loop.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

from executor.arrivals import Cancel, Live
from executor.engine import Segment
from executor.records import Fate
from experiments.serve.errors import RefusalError
from experiments.serve.wanted import Wanted
from planner.promise import Answer
from planner.request import Request


@dataclass
class Ending:
    """What became of a request.

    Parameters
    ----------
    fate, at
        What, and when, in seconds of the cluster.
    why
        What failed, if something did.
    """

    fate: Fate
    at: float
    why: str = ""


@dataclass
class Order:
    """A request that a client has handed in.

    Parameters
    ----------
    request
        As the planner sees it.
    wanted
        As the client asked for it.
    seed
        Of its noise.
    answer
        What admission said, once it has; None where everybody is taken.
    result
        What became of it, once it has left.
    segments
        Where its steps ran.
    """

    request: Request
    wanted: Wanted
    seed: int
    answer: asyncio.Future[Answer | None]
    result: asyncio.Future[Ending]
    segments: list[Segment] = field(default_factory=list)

    @property
    def steps_done(self) -> int:
        """Steps that are known to be done."""
        return sum(segment.steps for segment in self.segments)


class Desk:
    """Hands requests in, and results out.

    Parameters
    ----------
    source
        Where the planner's loop takes requests from.
    clock
        Seconds of the cluster.
    speed
        Seconds of the cluster in a second of the wall clock.
    most
        Requests that may be in the system.
    first
        The first id.
    """

    def __init__(self, source: Live, clock: Callable[[], float], speed: float, most: int, first: int = 0) -> None:
        self._source = source
        self._clock = clock
        self._most = most
        self._ids = itertools.count(first)
        self._loop = asyncio.get_running_loop()
        self.speed = speed
        self.live: dict[int, Order] = {}
        self.open = True
        self.broken = ""

    def hand_in(self, wanted: Wanted, slo: Callable[[Wanted], float], received: float, unix: float) -> Order:
        """Give the planner one request.

        Parameters
        ----------
        wanted
            What is asked for.
        slo
            The server's rule, in seconds of the cluster.
        received
            When the client's call came in, in seconds of the cluster.
        unix
            The time of the world, for deadlines that are given so.

        Raises
        ------
        RefusalError
            If the server is about to stop, or too many requests wait.
        """
        if self.broken:
            raise RefusalError(503, f"the planner has stopped: {self.broken}", code="broken")
        if not self.open:
            raise RefusalError(
                503, "the server is about to stop, and takes nothing new", code="stopping", headers=_later(5)
            )
        if len(self.live) >= self._most:
            message = (
                f"{len(self.live)} requests are in the system, and no more than serve.most_waiting={self._most} may be"
            )
            raise RefusalError(429, message, code="queue_full", headers=_later(1))
        if wanted.allowed is not None:
            allowed = wanted.allowed * self.speed
        elif wanted.deadline is not None:
            allowed = (wanted.deadline - unix) * self.speed
            if allowed <= 0:
                raise RefusalError(
                    400, f"deadline is {wanted.deadline}, which was {-allowed:.3f} s ago", "deadline", "past"
                )
        else:
            allowed = slo(wanted)
        number = next(self._ids)
        tier = wanted.tier.name if wanted.tier else ""
        request = Request(number, wanted.shape, wanted.steps, received, received + allowed, wanted.weight, tier=tier)
        seed = wanted.seed if wanted.seed is not None else number
        ticket = Order(request, wanted, seed, self._loop.create_future(), self._loop.create_future())
        self.live[number] = ticket
        if not self._source.put(request):
            del self.live[number]
            raise RefusalError(
                503, "the server is about to stop, and takes nothing new", code="stopping", headers=_later(5)
            )
        return ticket

    def take_back(self, ticket: Order) -> None:
        """Cancel a request that nobody waits for any more."""
        if not ticket.result.done():
            self._source.put(Cancel(ticket.request.id))

    def take_back_all(self) -> int:
        """Cancel all that is in the system, and return how many that were."""
        for ticket in list(self.live.values()):
            self.take_back(ticket)
        return len(self.live)

    def stop(self) -> None:
        """Take nothing new; the planner's loop ends when all that is there has left."""
        self.open = False
        self._source.close()

    # -- told by the planner's thread --------------------------------------------------------------------------------

    def told(self, news: Callable[[], None]) -> None:
        """Let the event loop do something; nothing happens once it has ended."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(news)

    def arrived(self, request: int, answer: Answer | None) -> None:
        """A request has been taken in, or refused."""
        ticket = self.live.get(request)
        if ticket is None:
            return
        if not ticket.answer.done():
            ticket.answer.set_result(answer)
        if answer is not None and answer.refused:
            self._out(request, Ending("refused", ticket.request.arrival))

    def ran(self, segments: list[Segment]) -> None:
        """Steps were done."""
        for segment in segments:
            for job in segment.jobs:
                if job in self.live:
                    self.live[job].segments.append(segment)

    def left(self, request: int, result: Ending) -> None:
        """A request is out of the system."""
        self._out(request, result)

    def broke(self, why: str) -> None:
        """The planner's loop has ended with an error."""
        self.broken = why
        for request in list(self.live):
            self._out(request, Ending("dropped", self._clock(), f"the planner has stopped: {why}"))

    def _out(self, request: int, result: Ending) -> None:
        ticket = self.live.pop(request, None)
        if ticket is None:
            return
        if not ticket.answer.done():
            ticket.answer.set_result(None)
        if not ticket.result.done():
            ticket.result.set_result(result)


def _later(seconds: float) -> dict[str, str]:
    return {"Retry-After": str(max(1, round(seconds)))}
