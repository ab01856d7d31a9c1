"""The distributed engine: carries plans out on workers, in real time.

One thread, which only ever waits for messages. Commands go to each worker's queue; a chunk of steps begins
when all of its GPUs and requests are free, and reports every step; nobody ever waits for workers that have no
part in a chunk.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from executor.distributed import messages as m
from executor.distributed.chunk import Chunk
from executor.distributed.config import EngineConfig, EngineError
from executor.distributed.controller.board import Board
from executor.distributed.controller.crew import Crew
from executor.distributed.controller.dispatch import Dispatch
from executor.distributed.controller.finishing import Finishing
from executor.distributed.controller.history import History, Step
from executor.distributed.controller.making import Making
from executor.distributed.controller.recovery import Recovery
from executor.distributed.controller.stages import Stages
from executor.engine import Milestone, Running, Segment, Staged
from executor.models.spec import Ask
from planner.costs import costs_of
from planner.plan import Assignment
from planner.request import Request
from profiles.profile import Profile

_TICK = 0.25
"""Seconds between looks at deadlines while nothing happens."""
_UNWRITTEN = 60.0
"""Seconds for which images may fail to be written when nothing else is left to be done."""


def _ask_in_turn(config: EngineConfig, request: Request) -> Ask:
    return Ask(request, config.prompts[request.id % len(config.prompts)], config.model.seed + request.id)


class DistributedEngine:
    """Carries plans out on real workers; an `executor.engine.Engine`.

    The clock starts when it is first asked for the time. ``failures`` holds, for each request that could not be served, when
    it was given up and why.

    Parameters
    ----------
    crew
        The workers. An engine that had them before can no longer be used.
    profile
        Step times expected until some are measured.
    asks
        Gives each request its prompt and its seed; by default the prompts of the configuration in turn, and a seed by id.
    origin
        Seconds at which the clock starts.
    keep
        Whether every step is kept, for whoever asks; a server that runs for weeks has no room for them.
    deliver
        Whether images and latents are kept where the configuration says; those of measuring are made for their time alone.

    Raises
    ------
    EngineError
        If a worker that died or hung since it was last used cannot be replaced.
    """

    def __init__(
        self,
        crew: Crew,
        profile: Profile,
        asks: Callable[[Request], Ask] | None = None,
        origin: float = 0.0,
        keep: bool = True,
        deliver: bool = True,
    ) -> None:
        config = crew.config
        self._crew = crew
        self._asks = asks or partial(_ask_in_turn, config)
        self._workers = crew.cluster.gpus
        self._images, latents = (folder.absolute() if folder else None for folder in (config.images, config.latents))
        costs = costs_of(profile, crew.cluster)
        self._history = History(costs, origin, keep)
        self._board = Board(self._workers)
        self._fleet = crew.fleet
        self._states = crew.take()
        stage_ranks = range(self._workers, self._workers + config.stage_workers)
        gpus = range(self._workers if config.decode == "group" else 0)
        self._making = Making(gpus, self._board, self._history)
        self._stages = Stages(
            stage_ranks, costs, self._fleet.send, self._fail, self._images, latents, config.attempts, gpus, deliver
        )
        self._dispatch = Dispatch(self._board, self._fleet, crew.names, self._history)
        self.failures: dict[int, tuple[float, str]] = {}
        self._now = 0.0
        self._progress: list[Milestone] = []
        self._finishing = Finishing(
            self._board, self._history, self._fleet, self._dispatch, self._stages, self._making,
            self._progress.append, self._forget, self._fail,
        )  # fmt: skip
        self._recovery = Recovery(
            crew, self._board, self._states, self._history, self._end, self._fail, self._finishing.lost
        )

    @property
    def segments(self) -> list[Segment]:
        """Stretches of steps done so far, in order of their end."""
        return self._history.segments

    @property
    def steps(self) -> list[Step]:
        """Every step done so far."""
        return self._history.steps

    @property
    def staged(self) -> list[Staged]:
        """Texts encoded and images decoded and written so far, in order of their end."""
        return self._history.staged

    @property
    def recoveries(self) -> list[float]:
        """Seconds from each break of a group until its requests could go on."""
        return self._history.recoveries

    def submit(self, request: Request) -> bool:
        """Take in a request; its text is encoded in the order of arrival, so that no step can begin at once."""
        self._history.now()
        ask = self._board.asks[request.id] = self._asks(request)
        self._board.done[request.id] = 0
        self._stages.admit(ask)
        self._stages.proceed(time.monotonic(), self._history.now(), self._fleet.ready)
        return False

    def advance(self, until: float) -> tuple[float, list[Milestone]]:
        """Wait until something happens, at most until ``until``.

        Raises
        ------
        EngineError
            If a worker cannot be replaced, nothing can be served at all, or all that is left are images that have failed to
            be written for a minute without one that could; their latents are kept, and the message says where.
        """
        while True:
            self._listen(0.0)
            now = self._history.now()
            if self._progress:
                progress = self._progress.copy()
                self._progress.clear()
                self._now = max(self._now, min(now, until))
                return self._now, progress
            if until <= now:
                self._now = max(self._now, until)
                return self._now, []
            if self._fleet.woken():
                self._now = max(self._now, min(now, until))
                return self._now, []
            if until == math.inf and not (self._board.chunks or self._dispatch or self._stages.admitting):
                if not self._stages.decoding:
                    return math.inf, []
                if self._stages.failing(time.monotonic()) > _UNWRITTEN:
                    self._raise_undelivered(_UNWRITTEN)
            self._listen(min(until - now, _TICK))

    def wake(self) -> None:
        """See `executor.engine.Engine.wake`."""
        self._fleet.wake()

    def clock(self) -> float:
        """Return the seconds since the start of the run; from any thread."""
        return self._history.now()

    def _raise_undelivered(self, timeout: float) -> None:
        kept = self._images or self._crew.transport.storage
        errors = "; ".join(f"request {request}: {error}" for request, error in self._stages.errors.items())
        raise EngineError(f"no further image in {kept} after {timeout:g} s ({errors})")

    def observe(self) -> list[Running]:
        """Return the segments in progress, with the boundary that measured steps predict."""
        now = time.monotonic()
        return [
            Running(chunk.jobs, chunk.group, chunk.begun, self._history.time(chunk.boundary(now)))
            for chunk in self._board.chunks.values()
        ]

    def occupied(self) -> Mapping[int, float]:
        """Return the workers that make an image, and when each is expected to have."""
        now = self._history.now()
        return {gpu: max(now, self._history.time(until)) for gpu, until in self._board.images.items()}

    def carry_out(self, assignments: Iterable[Assignment]) -> None:
        """Put a plan into force; what it does not name stops at its next step boundary."""
        self._dispatch.carry_out(assignments)

    def drop(self, request: int) -> None:
        """Forget a request; a segment of it alone stops at its next step boundary."""
        self._board.asks.pop(request, None)
        self._stages.forget(request)
        chunk = self._board.running(request)
        if chunk is None:
            self._forget(request)
        elif chunk.jobs == (request,):
            self._dispatch.stop(chunk)

    def _listen(self, timeout: float) -> None:
        for rank, message in self._fleet.wait(timeout):
            self._take_in(rank, message)
        self._recovery.watch()
        for rank in self._stages.overdue(time.monotonic(), self._crew.config.deadline):
            if not self._fleet.ready[rank]:
                continue
            if rank in self._making:
                self._recovery.died(rank, "hung")
            else:
                self._crew.replace(rank)
                self._stages.died(rank)
        self._stages.proceed(time.monotonic(), self._history.now(), self._fleet.ready)

    def _take_in(self, rank: int, message: Any) -> None:
        chunks = self._board.chunks
        match message:
            case None if rank >= self._workers:
                self._crew.replace(rank)
                self._stages.died(rank)
            case None:
                self._recovery.died(rank)
            case m.Ready():
                self._dispatch.proceed()
            case m.Stepped() if (chunk := chunks.get(message.chunk)) is not None:
                chunk.steps, chunk.stepped = message.steps, message.at
                self._history.stepped(chunk, self._board.shape_of(chunk.jobs), message.began, message.at)
                if message.ends:
                    self._end(chunk, [message.steps] * len(chunk.jobs), message.at)
            case m.Broke():
                self._recovery.broke(chunks.get(message.chunk), rank, message.group, message.error)
            case m.Working():
                self._stages.heard(rank, time.monotonic())
            case m.Admitted() | m.Refused() | m.Rendered() | m.Decoded() | m.Undecoded():
                self._finishing.answered(rank, message, time.monotonic())

    def _fail(self, ask: Ask, why: str) -> None:
        """Give a request up for good; the others go on."""
        request = ask.request
        board, now = self._board, self._history.now()
        done = board.done.get(request.id, 0)
        reason = f"request {request.id} ({request.shape.label}, step {done} of {request.steps}) cannot be served: {why}"
        self.failures[request.id] = (now, reason)
        undelivered = self._finishing.undelivered
        if board.asks.pop(request.id, None) is not None or request.id in undelivered:
            undelivered.discard(request.id)
            self._progress.append(Milestone("failed", request.id, now, reason=reason))
        self._forget(request.id)

    def _end(self, chunk: Chunk, steps: list[int], at: float) -> None:
        """End a chunk: free its GPUs, report its requests, start what waited for them."""
        board = self._board
        board.lift(chunk)
        self._history.ended(chunk, max(steps), at)
        end = self._history.time(at)
        goes_on = chunk.broken is None and chunk.limit > max(steps)
        waiting = self._dispatch.waiting
        for place, (job, done, origin) in enumerate(zip(chunk.jobs, steps, chunk.origin, strict=True)):
            if job not in board.asks:
                self._forget(job)
                continue
            board.done[job] = origin + done
            if board.done[job] < board.asks[job].request.steps:
                planned = goes_on or job in waiting
                self._progress.append(Milestone("yielded", job, end, done, planned, chunk.group, chunk.reason))
            else:
                self._finishing.begin(board.asks.pop(job), chunk, place, at)
                self._progress.append(Milestone("finished", job, end, done))
        if goes_on:
            self._dispatch.resume(Assignment(chunk.jobs, chunk.group, chunk.limit - max(steps)))
        self._dispatch.proceed()

    def _forget(self, request: int) -> None:
        self._fleet.tell(range(self._workers), m.Forget(request))
        self._board.done.pop(request, None)
        self._states.remove(request)
