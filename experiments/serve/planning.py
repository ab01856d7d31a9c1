"""The planner's loop in a thread of its own, and what it tells: to the journal, to the desk, to whoever looks on.

What has left the system is taken out of memory here: a server may run for weeks, and its journal has it all.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from executor.arrivals import Live
from executor.engine import Engine, Segment, Staged
from executor.loop import serve
from executor.records import Decision, Fate, Records
from executor.service import Service
from executor.watch import Watch
from experiments.serve.desk import Desk, Ending
from experiments.serve.journal import SessionWriter
from planner.plan import Plan
from planner.promise import Answer
from planner.request import Request
from planner.round import Round


class RealTimeEngine(Engine, Protocol):
    """An engine on a real clock."""

    def clock(self) -> float:
        """Return the seconds of the cluster since the start; from any thread."""
        ...


class Arrived(NamedTuple):
    """A request has come in, and was answered."""

    request: Request
    answer: Answer | None


class Decided(NamedTuple):
    """A plan was made: its decision, and the degree of each job that it runs."""

    decision: Decision
    degrees: dict[int, int]


class Left(NamedTuple):
    """A request is out of the system."""

    request: Request
    fate: Fate
    at: float
    promised: bool


News = Arrived | Decided | Left | Segment | Staged
OnNews = Callable[[Sequence[News]], None]
"""Is told what has happened, on the event loop."""


class PlanningThread(Watch):
    """Runs the loop.

    Parameters
    ----------
    service, engine, source
        Of the loop.
    journal
        Gets everything.
    """

    def __init__(self, service: Service, engine: RealTimeEngine, source: Live, journal: SessionWriter) -> None:
        self._service = service
        self._engine = engine
        self._source = source
        self._journal = journal
        self._records = Records([])
        self._requests: dict[int, Request] = {}
        self._desk: Desk | None = None
        self._on_news: OnNews = lambda news: None
        self._thread = threading.Thread(target=self._run, name="planner", daemon=True)

    def start(self, desk: Desk, on_news: OnNews) -> None:
        """Begin to plan.

        Parameters
        ----------
        desk
            Is told about its requests.
        on_news
            Is told about everything.
        """
        self._desk, self._on_news = desk, on_news
        self._thread.start()

    def ended(self, seconds: float) -> bool:
        """Wait for the loop to come to its end; whether it did."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            serve(self._service, self._engine, self._records, self._source, self)
        except BaseException as error:
            traceback.print_exc()
            why = f"{type(error).__name__}: {error}"
            self._tell(lambda desk: desk.broke(why), [])

    # -- in the planner's thread -------------------------------------------------------------------------------------

    def arrived(self, request: Request, answer: Answer | None) -> None:
        """See `executor.watch.Watch`."""
        self._journal.arrived(request, answer)
        if answer is None or not answer.refused:
            self._requests[request.id] = request
        else:
            self._forget(request.id)
        self._tell(lambda desk: desk.arrived(request.id, answer), [Arrived(request, answer)])

    def decided(self, round_: Round, plan: Plan, decision: Decision) -> None:
        """See `executor.watch.Watch`."""
        self._journal.decided(decision)
        self._records.decisions.clear()
        degrees = {job: assignment.group.degree for assignment in plan.assignments for job in assignment.jobs}
        segments, images = self._done()
        self._tell(lambda desk: desk.ran(segments), [*segments, *images, Decided(decision, degrees)])

    def left(self, request: int, fate: Fate, at: float, why: str) -> None:
        """See `executor.watch.Watch`."""
        segments, images = self._done()
        self._journal.left(request, fate, at, why)
        promised = request in self._records.promised
        gone = self._requests.pop(request)
        self._forget(request)

        def news(desk: Desk) -> None:
            desk.ran(segments)
            desk.left(request, Ending(fate, at, why))

        self._tell(news, [*segments, *images, Left(gone, fate, at, promised)])

    def _tell(self, to_desk: Callable[[Desk], None], news: Sequence[News]) -> None:
        desk, on_news = self._desk, self._on_news
        assert desk is not None

        def both() -> None:
            to_desk(desk)
            on_news(news)

        desk.told(both)

    def _done(self) -> tuple[list[Segment], list[Staged]]:
        """Take out what has ended since, write it down, and return what GPUs of the cluster did: segments, and images."""
        staged = list(self._engine.staged)
        del self._engine.staged[: len(staged)]
        for item in staged:
            self._journal.staged(item)
        segments = list(self._engine.segments)
        del self._engine.segments[: len(segments)]
        for segment in segments:
            self._journal.ran(segment)
        return segments, [item for item in staged if item.gpu >= 0]

    def _forget(self, request: int) -> None:
        records = self._records
        assert isinstance(records.requests, list)
        records.requests[:] = [kept for kept in records.requests if kept.id != request]
        for table in (records.delivered, records.dropped, records.failed, records.refused, records.cancelled):
            table.pop(request, None)
        records.promised.discard(request)
