"""The distributed engine: carries plans out on workers, in real time.

One thread, which only ever waits for messages. Commands go to each worker's queue; a chunk of steps begins
when all of its GPUs and requests are free, and reports every step; nobody ever waits for workers that have no
part in a chunk.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from typing import Any, NamedTuple

from executor.distributed import messages as m
from executor.distributed.chunk import Chunk
from executor.distributed.config import EngineConfig, EngineError
from executor.distributed.fleet import Fleet
from executor.distributed.group_names import GroupNames, warm_set
from executor.distributed.groups import host_store
from executor.distributed.latents import Latents, new_folder, remove_folder
from executor.distributed.models.spec import Ask
from executor.distributed.stages import Stages
from executor.distributed.transport import LocalTransport, Transport
from executor.distributed.worker import WorkerSetting
from executor.engine import Progress, Running, Segment
from planner.cluster import Cluster, Group
from planner.costs import costs_of
from planner.plan import Assignment
from planner.request import Request
from profiles.profile import Profile
from profiles.shape import Shape

_TICK = 0.25
"""Seconds between looks at deadlines while nothing happens."""


class Step(NamedTuple):
    """One step as it was measured; times are seconds since the start of the run."""

    jobs: tuple[int, ...]
    gpus: tuple[int, ...]
    start: float
    end: float


class StageTime(NamedTuple):
    """What ``encode`` or ``decode`` took for a request, without waiting, in seconds."""

    request: int
    stage: str
    seconds: float


class DistributedEngine:
    """Carries plans out on real workers; an `executor.engine.Engine`.

    The clock starts with the first request. Use it as a context manager, or call `close`.

    Parameters
    ----------
    config
        What to serve, and how.
    cluster
        GPU ``i`` is worker ``i``; one more worker encodes and decodes.
    profile
        Step times expected until some are measured.
    transport
        How workers are started; processes of this machine by default.

    Raises
    ------
    EngineError
        If workers cannot start, or images cannot be written.
    """

    def __init__(
        self, config: EngineConfig, cluster: Cluster, profile: Profile, transport: Transport | None = None
    ) -> None:
        config.prepare_folders()
        self.segments: list[Segment] = []
        self.steps: list[Step] = []
        self.stage_times: list[StageTime] = []
        self.recoveries: list[float] = []
        self._config = config
        self._costs = costs_of(profile, cluster)
        self._workers = cluster.gpus
        self._store, rendezvous = host_store(config.deadline)
        self._folder = new_folder()
        self._latents = Latents(self._folder)
        self._names = GroupNames(config.groups)
        settings = [
            WorkerSetting(
                rank,
                "denoise" if rank < cluster.gpus else "stages",
                config.model,
                rendezvous,
                self._folder,
                "cpu" if config.device == "cpu" else f"cuda:{rank % cluster.gpus}",
                config.threads,
            )
            for rank in range(cluster.gpus + 1)
        ]
        self._fleet = Fleet(transport or LocalTransport(config.model.folder), settings)
        self._stages = Stages(lambda command: self._fleet.send(self._workers, command), config.images, config.latents)
        self._zero: float | None = None
        self._now = 0.0
        self._asks: dict[int, Ask] = {}
        self._done: dict[int, int] = {}
        self._running: dict[int, Chunk] = {}
        self._next: list[Assignment] = []
        self._on_gpu: list[Chunk | None] = [None] * cluster.gpus
        self._chunks: dict[int, Chunk] = {}
        self._count = 0
        self._failures: dict[int, int] = {}
        self._measured: dict[tuple[Shape, int, int], float] = {}
        self._progress: list[Progress] = []
        try:
            self._fleet.start(config.start_timeout)
            if config.warm:
                for members in warm_set(cluster, config.groups):
                    named, _ = self._names.use(members)
                    for rank in members:
                        self._fleet.send(rank, m.Join(named))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> DistributedEngine:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End all workers, and remove what requests left in shared memory."""
        self._fleet.close()
        remove_folder(self._folder)

    # -- time
    # --------------------------------------------------------------------------------------------------------

    def submit(self, request: Request) -> None:
        """Take in a request; its text is encoded in the order of arrival."""
        self._clock()
        model = self._config.model
        prompt = self._config.prompts[request.id % len(self._config.prompts)]
        ask = self._asks[request.id] = Ask(request, prompt, model.seed + request.id)
        self._done[request.id] = 0
        self._stages.admit(ask)
        self._stages.proceed(time.monotonic(), self._fleet.ready[self._workers])

    def advance(self, until: float) -> tuple[float, list[Progress]]:
        """Wait until something happens, at most until ``until``.

        Raises
        ------
        EngineError
            If a request fails for good, or a worker does.
        """
        while True:
            self._listen(0.0)
            now = self._clock()
            if self._progress:
                progress, self._progress = self._progress, []
                self._now = max(self._now, min(now, until))
                return self._now, progress
            if until <= now:
                self._now = max(self._now, until)
                return self._now, []
            if until == math.inf and not (self._chunks or self._next or self._stages.admitting):
                return math.inf, []
            self._listen(min(until - now, _TICK))

    def drain(self, timeout: float = 60.0) -> dict[int, float]:
        """Wait for the images of all finished requests.

        Returns
        -------
        dict
            Request id to the time at which its image was there, in seconds since the start of the run.

        Raises
        ------
        EngineError
            If ``timeout`` seconds pass without a further image; their latents are kept, and the message says
            where.
        """
        last, count = time.monotonic(), len(self._stages.delivered)
        while self._stages.decoding:
            self._listen(_TICK)
            if len(self._stages.delivered) > count:
                last, count = time.monotonic(), len(self._stages.delivered)
            elif time.monotonic() > last + timeout:
                self._raise_undelivered(timeout)
        return {request: self._time(at) for request, at in self._stages.delivered.items()}

    def _raise_undelivered(self, timeout: float) -> None:
        kept = (self._config.images or self._folder).resolve()
        errors = "; ".join(f"request {request}: {error}" for request, error in self._stages.errors.items())
        raise EngineError(f"no further image in {kept} after {timeout:g} s ({errors or 'decoding has not ended'})")

    def _clock(self) -> float:
        if self._zero is None:
            self._zero = time.monotonic()
        return time.monotonic() - self._zero

    def _time(self, at: float) -> float:
        return at - (self._zero or 0.0)

    # -- messages
    # ----------------------------------------------------------------------------------------------------

    def _listen(self, timeout: float) -> None:
        for rank, message in self._fleet.wait(timeout):
            self._take_in(rank, message)
        self._watch()
        self._stages.proceed(time.monotonic(), self._fleet.ready[self._workers])

    def _take_in(self, rank: int, message: Any) -> None:
        match message:
            case None:
                self._died(rank)
            case m.Ready():
                self._start_waiting()
            case m.Stepped() if (chunk := self._chunks.get(message.chunk)) is not None:
                self._stepped(chunk, message)
            case m.Done() if (chunk := self._chunks.get(message.chunk)) is not None:
                self._end(chunk, [message.steps] * len(chunk.jobs), message.at)
            case m.Broke() if (chunk := self._chunks.get(message.chunk)) is not None:
                chunk.errors.append(f"worker {rank}: {message.error}")
                self._broke(chunk, rank)
            case m.Admitted() | m.Refused() | m.Decoded() | m.Undecoded():
                self._stages.done(message, time.monotonic())
                self._staged(message)

    def _staged(self, message: m.Admitted | m.Refused | m.Decoded | m.Undecoded) -> None:
        request = message.request
        if isinstance(message, m.Refused):
            raise EngineError(f"request {request} cannot be served: {message.error}")
        if isinstance(message, m.Decoded | m.Admitted):
            stage = "encode" if isinstance(message, m.Admitted) else "decode"
            self.stage_times.append(StageTime(request, stage, message.seconds))
        if isinstance(message, m.Decoded):
            self._forget(request)
        elif isinstance(message, m.Admitted) and request in self._asks:
            self._progress.append(Progress("ready", request, self._clock()))
        elif isinstance(message, m.Admitted):
            self._forget(request)

    def _stepped(self, chunk: Chunk, message: m.Stepped) -> None:
        chunk.steps, chunk.stepped = message.steps, message.at
        self.steps.append(Step(chunk.jobs, chunk.group.gpus, self._time(message.began), self._time(message.at)))
        if message.steps > 1:
            key = (self._asks_shape(chunk), chunk.group.degree, len(chunk.jobs))
            before = self._measured.get(key, message.at - message.began)
            chunk.seconds = self._measured[key] = 0.7 * before + 0.3 * (message.at - message.began)

    def _asks_shape(self, chunk: Chunk) -> Shape:
        return next((self._asks[job].request.shape for job in chunk.jobs if job in self._asks), Shape(1, 1))

    # -- ends
    # --------------------------------------------------------------------------------------------------------

    def _end(self, chunk: Chunk, steps: list[int], at: float) -> None:
        """End a chunk: free its GPUs, report its requests, start what waited for them."""
        del self._chunks[chunk.id]
        for gpu in chunk.group.gpus:
            self._on_gpu[gpu] = None
        for job in chunk.jobs:
            del self._running[job]
        end = self._time(at)
        if any(steps):
            start = self._time(chunk.start)
            self.segments.append(Segment(chunk.jobs, chunk.group.gpus, start, end, max(steps)))
        goes_on = chunk.broken is None and chunk.limit > max(steps)
        waiting = {job for assignment in self._next for job in assignment.jobs}
        for job, done, origin in zip(chunk.jobs, steps, chunk.origin, strict=True):
            if job not in self._asks:
                self._forget(job)
                continue
            self._done[job] = origin + done
            if self._done[job] < self._asks[job].request.steps:
                planned = goes_on or job in waiting
                self._progress.append(Progress("yielded", job, end, done, 0.0, planned))
            else:
                self._stages.decode(self._asks.pop(job))
                self._progress.append(Progress("finished", job, end, done, end + self._stages.backlog))
        if goes_on:
            self._next.append(Assignment(chunk.jobs, chunk.group, chunk.limit - max(steps)))
        self._start_waiting()

    def _forget(self, request: int) -> None:
        for rank in range(self._workers):
            self._fleet.send(rank, m.Forget(request))
        self._done.pop(request, None)
        self._latents.remove(request)

    # -- failures
    # ----------------------------------------------------------------------------------------------------

    def _died(self, rank: int) -> None:
        self._fleet.restart(rank)
        if rank == self._workers:
            self._stages.died()
            return
        for named in self._names.retire_all_with(rank):
            self._tell(named.members, m.Leave(named.name), but=rank)
        chunk = self._on_gpu[rank]
        if chunk is not None:
            self._broke(chunk, rank)

    def _broke(self, chunk: Chunk, rank: int) -> None:
        """Take in that a member has left a chunk, or died; when all have, end it."""
        if chunk.broken is None:
            chunk.broken = time.monotonic()
            self._names.retire(chunk.named.members)
            self._tell(chunk.named.members, m.Leave(chunk.named.name))
        chunk.waiting_for.discard(rank)
        if chunk.waiting_for:
            return
        steps = [
            self._latents.read(job).steps - origin if job in self._asks else 0
            for job, origin in zip(chunk.jobs, chunk.origin, strict=True)
        ]
        self._count_failure(chunk, any(steps))
        self.recoveries.append(time.monotonic() - chunk.broken)
        self._end(chunk, steps, time.monotonic())

    def _count_failure(self, chunk: Chunk, advanced: bool) -> None:
        died = len(chunk.errors) < len(chunk.named.members)
        for job in chunk.jobs:
            self._failures[job] = 0 if advanced or died else self._failures.get(job, 0) + 1
            if self._failures[job] >= self._config.attempts:
                raise EngineError(
                    f"request {job} failed {self._failures[job]} times in a row on GPUs {chunk.group.gpus}: "
                    + "; ".join(chunk.errors)
                )

    def _watch(self) -> None:
        """Kill members of chunks that are overdue; their end is then noticed as any other."""
        now = time.monotonic()
        for chunk in list(self._chunks.values()):
            if now > chunk.overdue(self._config.deadline):
                for rank in sorted(chunk.waiting_for):
                    self._died(rank)

    def _tell(self, ranks: Iterable[int], message: Any, but: int | None = None) -> None:
        for rank in ranks:
            if rank != but:
                self._fleet.send(rank, message)

    # -- plans
    # -------------------------------------------------------------------------------------------------------

    def observe(self) -> list[Running]:
        """Return the segments in progress, with the boundary that measured steps predict."""
        now = time.monotonic()
        return [
            Running(chunk.jobs, chunk.group, chunk.begun, self._time(chunk.boundary(now)))
            for chunk in self._chunks.values()
        ]

    def carry_out(self, assignments: Iterable[Assignment]) -> None:
        """Put a plan into force; what it does not name stops at its next step boundary."""
        self._next.clear()
        kept: set[int] = set()
        for assignment in assignments:
            chunk = self._running.get(assignment.jobs[0])
            if chunk is None or (chunk.jobs, chunk.group.mask) != (assignment.jobs, assignment.group.mask):
                self._next.append(assignment)
            else:
                kept.add(chunk.id)
                self._stop_after(chunk, min(chunk.most, chunk.begun + assignment.steps))
        for chunk in self._chunks.values():
            if chunk.id not in kept:
                self._stop_after(chunk, chunk.begun)
        self._start_waiting()

    def drop(self, request: int) -> None:
        """Forget a request; a segment of it alone stops at its next step boundary."""
        self._asks.pop(request, None)
        chunk = self._running.get(request)
        if chunk is None:
            self._forget(request)
        elif chunk.jobs == (request,):
            self._stop_after(chunk, chunk.begun)

    def _stop_after(self, chunk: Chunk, steps: int) -> None:
        if steps != chunk.limit and chunk.broken is None:
            chunk.limit = steps
            self._fleet.send(chunk.named.members[0], m.Limit(chunk.id, steps))

    def _start_waiting(self) -> None:
        waiting, self._next = self._next, []
        for assignment in waiting:
            jobs = tuple(job for job in assignment.jobs if job in self._asks)
            if not jobs:
                continue
            free = all(self._on_gpu[gpu] is None and self._fleet.ready[gpu] for gpu in assignment.group.gpus)
            if free and not any(job in self._running for job in jobs):
                self._start(jobs, assignment.group, assignment.steps)
            else:
                self._next.append(assignment)

    def _start(self, jobs: tuple[int, ...], group: Group, steps: int) -> None:
        origin = tuple(self._done[job] for job in jobs)
        most = min(self._asks[job].request.steps - done for job, done in zip(jobs, origin, strict=True))
        named, given_up = self._names.use(group.gpus)
        for other in given_up:
            self._tell(other.members, m.Leave(other.name))
        self._count += 1
        shape = self._asks[jobs[0]].request.shape
        seconds = self._measured.get((shape, group.degree, len(jobs)))
        if seconds is None:
            seconds = self._costs.batch_time(shape, group, len(jobs))
        limit = min(steps, most)
        chunk = Chunk(self._count, jobs, origin, group, named, limit, most, seconds, time.monotonic())
        self._chunks[chunk.id] = chunk
        for gpu in group.gpus:
            self._on_gpu[gpu] = chunk
        for job in jobs:
            self._running[job] = chunk
        self._tell(named.members, m.Run(chunk.id, jobs, origin, named, limit, most))
