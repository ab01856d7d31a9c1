"""The simulated engine: a virtual clock, step times from a profile, a heap of events with a total order (time, kind, id)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

from executor.engine import Milestone, Running, Segment, Staged
from executor.noise import draw_noise
from executor.stage_queue import need
from executor.stage_workers import StageWorkers
from executor.stretch import Stretch
from planner.cluster import Cluster, Group
from planner.costs import costs_of
from planner.errors import ParameterError, is_finite, whole
from planner.plan import Assignment
from planner.request import Request
from planner.round import EPSILON
from profiles.entries import Stage
from profiles.profile import Profile
from profiles.shape import Shape

_SEGMENT_ENDS, _STAGED = 0, 1
MOST_NOISE = 0.3
"""Largest coefficient of variation of a step; draws are cut off at three standard deviations."""


@dataclass(frozen=True, slots=True)
class Physics:
    """What the simulated hardware does beyond the profile's mean step times.

    Parameters
    ----------
    noise
        Coefficient of variation of a step is ``noise`` times the profile's spread; 0 makes steps exact.
    noise_cv
        If positive, the coefficient of variation of every step, instead of the profile's.
    regroup_seconds
        Time lost when a job goes on on other GPUs than those that hold its latent.
    stages
        Whether text encoding delays the first step, and VAE decoding delays delivery.
    stage_workers
        How many workers do both, beside the GPUs of the cluster, one text or image at a time each.
    """

    noise: float = 1.0
    noise_cv: float = 0.0
    regroup_seconds: float = 0.001
    stages: bool = False
    stage_workers: int = 1

    def __post_init__(self) -> None:
        for name in ("noise", "noise_cv", "regroup_seconds"):
            value = getattr(self, name)
            if not (is_finite(value) and value >= 0):
                raise ParameterError(name, value, "a number of at least 0 is needed")
        whole("stage_workers", self.stage_workers)
        if self.noise_cv > MOST_NOISE:
            raise ParameterError("noise_cv", self.noise_cv, f"at most {MOST_NOISE} keeps every step time positive")

    def check_noise(self, profile: Profile) -> None:
        """Refuse noise that would make step times of a profile negative.

        Raises
        ------
        ParameterError
            With the spread that it would make.
        """
        worst = self.noise * max(entry.spread for entry in profile.entries)
        if worst > MOST_NOISE and not self.noise_cv:
            most = f"at most {MOST_NOISE} keeps every step time positive"
            raise ParameterError(
                "noise", self.noise, f"that makes a spread of {worst:.3g} of profile {profile.name}; {most}"
            )


class SimulatedEngine:
    """Carries plans out on a virtual clock.

    Parameters
    ----------
    cluster
        The GPUs.
    profile
        The true step times; may differ from the profile that the planner believes.
    requests
        Requests that are known before the run; noise is drawn per (request, step), so that runs of different solvers share
        it. That of others is drawn when they come.
    physics
        Noise, regroup cost, stages.
    rng
        Source of the noise.
    """

    def __init__(
        self,
        cluster: Cluster,
        profile: Profile,
        requests: Sequence[Request],
        physics: Physics,
        rng: np.random.Generator,
    ) -> None:
        self.now = 0.0
        self.segments: list[Segment] = []
        self.staged: list[Staged] = []
        self._profile = profile
        self._costs = costs_of(profile, cluster)
        self._physics = physics
        self._requests: dict[int, Request] = {}
        self._spread: dict[tuple[Shape, int, str, int], float] = {}
        self._draws: dict[int, NDArray[np.float64]] = {}
        self._drift: dict[int, list[float]] = {}
        physics.check_noise(profile)
        self._rng = rng
        self._noisy = physics.noise > 0 or physics.noise_cv > 0
        if self._noisy:
            self._draws = draw_noise(requests, rng)
        self._left: dict[int, int] = {}
        self._holds: dict[int, int] = {}
        self._running: dict[int, Stretch] = {}
        self._next: dict[int, Stretch] = {}
        self._on_gpu: list[Stretch | None] = [None] * cluster.gpus
        self._heap: list[tuple[float, int, int, int, Stretch | None]] = []
        self._pushed = 0
        self._stage_workers = StageWorkers(physics.stage_workers)

    # -- time --------------------------------------------------------------------------------------------------------

    def submit(self, request: Request) -> bool:
        """Take in a request; it is ready at once unless its text takes time to encode."""
        self._left[request.id] = request.steps
        self._requests[request.id] = request
        if self._noisy:
            draws = self._draws.pop(request.id, None)
            draws = draw_noise((request,), self._rng)[request.id] if draws is None else draws
            self._drift[request.id] = [0.0, *draws.cumsum().tolist()]
        return not self._stage("encode", request)

    def advance(self, until: float) -> tuple[float, list[Milestone]]:
        """Move the clock to the next event, at most to ``until``."""
        heap = self._heap
        progress: list[Milestone] = []
        while heap:
            at, kind, request, _, stretch = heap[0]
            if stretch is not None and (stretch.stopped or stretch.end != at):
                heappop(heap)
                continue
            if at > until or (progress and at > self.now):
                break
            heappop(heap)
            self.now = at
            if kind == _SEGMENT_ENDS and stretch is not None:
                self._end(stretch, progress)
            else:
                self._end_stage(request, progress)
        if not progress:
            self.now = until
        return self.now, progress

    def wake(self) -> None:
        """Nobody waits for a virtual clock."""

    def _stage(self, stage: Stage, request: Request) -> bool:
        """Queue a text or an image of a request, and say whether it takes any time."""
        if not self._physics.stages:
            return False
        self._stage_workers.put(stage, request.id, need(stage, request, self._costs))
        self._proceed_stages()
        return True

    def _proceed_stages(self) -> None:
        for begun in self._stage_workers.proceed(self.now):
            self._push(begun.end, _STAGED, begun.request, None)

    def _end_stage(self, request: int, progress: list[Milestone]) -> None:
        """Take in that a text is encoded, or an image there."""
        done = self._stage_workers.finish(request)
        self.staged.append(done)
        if done.stage == "decode":
            self._deliver(request, progress)
        elif request in self._left:
            progress.append(Milestone("ready", request, done.end))
        self._proceed_stages()

    def _push(self, at: float, kind: int, request: int, stretch: Stretch | None) -> None:
        self._pushed += 1
        heappush(self._heap, (at, kind, request, self._pushed, stretch))

    def _end(self, stretch: Stretch, progress: list[Milestone]) -> None:
        now = self.now
        self._release(stretch)
        self.segments.append(Segment(stretch.jobs, stretch.group.gpus, stretch.start, now, stretch.steps))
        for job in stretch.jobs:
            left = self._left.get(job)
            if left is None:
                continue
            left -= stretch.steps
            if left:
                self._left[job] = left
                self._holds[job] = stretch.group.mask
                progress.append(Milestone("yielded", job, now, stretch.steps, job in self._next, stretch.group))
            else:
                del self._left[job]
                self._holds.pop(job, None)
                self._drift.pop(job, None)
                progress.append(Milestone("finished", job, now, stretch.steps))
                if not self._stage("decode", self._requests[job]):
                    self._deliver(job, progress)
        if self._next:
            for waiting in list(self._next.values()):
                if not self._blockers(waiting.jobs, waiting.group):
                    del self._next[waiting.jobs[0]]
                    self._occupy(waiting)

    def _deliver(self, request: int, progress: list[Milestone]) -> None:
        del self._requests[request]
        progress.append(Milestone("delivered", request, self.now))

    def _occupy(self, stretch: Stretch) -> None:
        for gpu in stretch.group.gpus:
            self._on_gpu[gpu] = stretch
        for job in stretch.jobs:
            self._running[job] = stretch

    def _release(self, stretch: Stretch) -> None:
        stretch.stopped = True
        for gpu in stretch.group.gpus:
            self._on_gpu[gpu] = None
        for job in stretch.jobs:
            del self._running[job]

    def _blockers(self, jobs: tuple[int, ...], group: Group) -> list[Stretch]:
        """Segments in progress on the GPUs of a group or with one of the jobs."""
        if not self._running:
            return []
        found = [stretch for gpu in group.gpus if (stretch := self._on_gpu[gpu]) is not None]
        found += [stretch for job in jobs if (stretch := self._running.get(job)) is not None]
        return found

    @property
    def next_event(self) -> float:
        """When the next thing happens by itself, in seconds; infinity if nothing does."""
        heap = self._heap
        while heap and (stretch := heap[0][4]) is not None and (stretch.stopped or stretch.end != heap[0][0]):
            heappop(heap)
        return heap[0][0] if heap else math.inf

    # -- plans -------------------------------------------------------------------------------------------------------

    def observe(self) -> list[Running]:
        """Return the segments in progress, with the boundary that the profile predicts."""
        now = self.now
        seen = []
        for job, stretch in self._running.items():
            if job != stretch.jobs[0]:
                continue
            begun = stretch.begun(now)
            boundary = stretch.boundary(begun)
            if stretch.cv and begun and boundary > now + EPSILON:
                boundary = max(now, stretch.boundary(begun - 1) + stretch.seconds)
            seen.append(Running(stretch.jobs, stretch.group, begun, boundary))
        return seen

    def carry_out(self, assignments: Iterable[Assignment]) -> None:
        """Put a plan into force; what it does not name stops at its next step boundary."""
        now = self.now
        for stretch in self._next.values():
            stretch.stopped = True
        self._next.clear()
        new: list[Assignment] = []
        kept: set[int] = set()
        for assignment in assignments:
            first = assignment.jobs[0]
            running = self._running.get(first)
            if running is not None and running.jobs == assignment.jobs and running.group.mask == assignment.group.mask:
                kept.add(first)
                left = (
                    self._left[first]
                    if len(running.jobs) == 1
                    else min(self._left.get(j, running.steps) for j in running.jobs)
                )
                self._stop_after(running, min(left, running.begun(now) + assignment.steps))
            else:
                new.append(assignment)
        if len(kept) < len(self._running):
            for job, stretch in list(self._running.items()):
                if job == stretch.jobs[0] and job not in kept:
                    self._stop_after(stretch, stretch.begun(now))
        for assignment in new:
            self._start(assignment)

    def drop(self, request: int) -> None:
        """Forget a request; a segment of it stops at its next step boundary, and one that waits for GPUs never begins."""
        self._stage_workers.forget(request)
        self._left.pop(request, None)
        self._holds.pop(request, None)
        self._requests.pop(request, None)
        self._drift.pop(request, None)
        waiting = self._next.get(request)
        if waiting is not None and waiting.jobs == (request,):
            waiting.stopped = True
            del self._next[request]
        stretch = self._running.get(request)
        if stretch is not None and stretch.jobs == (request,):
            self._stop_after(stretch, stretch.begun(self.now))

    def _stop_after(self, stretch: Stretch, steps: int) -> None:
        if steps == 0:
            self._release(stretch)
        elif steps != stretch.steps:
            stretch.steps = steps
            stretch.end = max(stretch.boundary(steps), self.now)
            self._push(stretch.end, _SEGMENT_ENDS, stretch.jobs[0], stretch)

    def _start(self, assignment: Assignment) -> None:
        jobs = assignment.jobs if len(assignment.jobs) == 1 else tuple(j for j in assignment.jobs if j in self._left)
        if not jobs or jobs[0] not in self._left:
            return
        group = assignment.group
        start = self.now
        blockers = self._blockers(jobs, group)
        for stretch in blockers:
            start = max(start, stretch.end)
        first = self._requests[jobs[0]]
        left = first.steps
        moves = False
        begins_at = 0
        for job in jobs:
            current = self._running.get(job)
            if current is None:
                remaining, holds = self._left[job], self._holds.get(job, group.mask)
            else:
                remaining, holds = self._left[job] - current.steps, current.group.mask
            moves = moves or holds != group.mask
            if job == jobs[0]:
                begins_at = first.steps - remaining
            if remaining < left:
                left = remaining
        steps = min(assignment.steps, left)
        if steps < 1:
            return
        if moves:
            start += self._physics.regroup_seconds
        batch = len(jobs)
        seconds = self._costs.batch_time(first.shape, group, batch)
        cv = self._physics.noise_cv or self._cv(first.shape, group, batch)
        stretch = Stretch(jobs, group, start, steps, seconds, cv, self._drift.get(jobs[0], []), begins_at)
        if blockers:
            self._next[jobs[0]] = stretch
        else:
            self._occupy(stretch)
        self._push(stretch.end, _SEGMENT_ENDS, jobs[0], stretch)

    def _cv(self, shape: Shape, group: Group, batch: int) -> float:
        key = (shape, group.degree, group.link, batch)
        cv = self._spread.get(key)
        if cv is None:
            cv = self._spread[key] = self._physics.noise * self._profile.entry(*key).spread
        return cv
