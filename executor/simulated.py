"""The simulated engine: a virtual clock, step times from a profile, a heap of events with a total order (time, kind, id)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

from executor.engine import Milestone, Running, Segment, Staged
from executor.noise import draw_noise
from executor.occupancy import Occupancy
from executor.physics import Physics
from executor.stage_queue import need
from executor.stage_workers import StageWorkers
from executor.stretch import Stretch
from planner.cluster import Cluster, Group
from planner.costs import costs_of
from planner.plan import Assignment
from planner.request import Request
from profiles.entries import Stage
from profiles.profile import Profile
from profiles.shape import Shape

_SEGMENT_ENDS, _STAGED, _MADE = 0, 1, 2


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
        self._gpus = Occupancy(cluster.gpus)
        self._heap: list[tuple[float, int, int, int, Stretch | None]] = []
        self._pushed = 0
        self._stage_workers = StageWorkers(physics.stage_workers)
        self._on_gpus: dict[int, Staged] = {}

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
        while (at := self.next_event) <= until and not (progress and at > self.now) and heap:
            _, kind, request, _, stretch = heappop(heap)
            self.now = at
            if kind == _SEGMENT_ENDS and stretch is not None:
                self._end(stretch, progress)
            elif kind == _MADE:
                self._free(request, progress)
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
            self._push_stage(begun)

    def _push_stage(self, begun: Staged) -> None:
        """Note when a text is encoded, or an image there; and before, when whoever makes it can go on."""
        if 0.0 < begun.freed < begun.end:
            self._push(begun.freed, _MADE, begun.request, None)
        self._push(begun.end, _STAGED, begun.request, None)

    def _free(self, request: int, progress: list[Milestone]) -> None:
        """Let whoever has made an image go on; its file is being written."""
        image = self._on_gpus.get(request)
        if image is None:
            self._stage_workers.free(request)
            self._proceed_stages()
            return
        self._gpus.decoded(image)
        progress.append(Milestone("freed", request, self.now))
        if self._gpus.waiting:
            self._gpus.promote()

    def _end_stage(self, request: int, progress: list[Milestone]) -> None:
        """Take in that a text is encoded, or an image there."""
        image = self._on_gpus.get(request)
        if image is not None and image.freed == image.end:
            self._free(request, progress)
        self._on_gpus.pop(request, None)
        done = self._stage_workers.finish(request) if image is None else image
        self.staged.append(done)
        if done.stage == "decode":
            self._deliver(request, progress)
        elif request in self._left:
            progress.append(Milestone("ready", request, done.end))
        self._proceed_stages()

    def _push(self, at: float, kind: int, request: int, stretch: Stretch | None) -> None:
        self._pushed += 1
        heappush(self._heap, (at, kind, request, self._pushed, stretch))

    def _push_end(self, stretch: Stretch) -> None:
        """Note when a segment ends; one that ends later than was noted is noted anew when that time has come."""
        stretch.queued = stretch.end
        self._push(stretch.end, _SEGMENT_ENDS, stretch.jobs[0], stretch)

    def _end(self, stretch: Stretch, progress: list[Milestone]) -> None:
        now, gpus = self.now, self._gpus
        gpus.release(stretch)
        self.segments.append(Segment(stretch.jobs, stretch.group.gpus, stretch.start, now, stretch.steps))
        for at, job in enumerate(stretch.jobs):
            left = self._left.get(job)
            if left is None:
                continue
            left -= stretch.steps
            if left:
                self._left[job] = left
                self._holds[job] = stretch.group.mask
                progress.append(Milestone("yielded", job, now, stretch.steps, job in gpus.waiting, stretch.group))
            else:
                del self._left[job]
                self._holds.pop(job, None)
                self._drift.pop(job, None)
                progress.append(Milestone("finished", job, now, stretch.steps))
                if not self._decode(self._requests[job], stretch.group.gpus[at % stretch.group.degree]):
                    self._deliver(job, progress)
        if gpus.waiting:
            gpus.promote()

    def _decode(self, request: Request, gpu: int) -> bool:
        """Let the image of a request be made, on a GPU of its group or by a worker, and say whether that takes any time."""
        physics = self._physics
        if not physics.stages or physics.decode == "workers":
            return self._stage("decode", request)
        wanted = need("decode", request, self._costs)
        image = self._gpus.decode(request.id, gpu, self.now, wanted.seconds, wanted.beside)
        self._on_gpus[request.id] = image
        for stretch in self._gpus.waiting.values():
            if stretch.group.mask >> gpu & 1:
                stretch.delay(image.freed)
        self._push_stage(image)
        return True

    def _deliver(self, request: int, progress: list[Milestone]) -> None:
        if self._requests.pop(request, None) is not None:  # else it was given up while its image was being made
            progress.append(Milestone("delivered", request, self.now))

    @property
    def next_event(self) -> float:
        """When the next thing happens by itself, in seconds; infinity if nothing does."""
        heap = self._heap
        while heap:
            at, stretch = heap[0][0], heap[0][4]
            if stretch is None or (stretch.end == at and not stretch.stopped):
                return at
            heappop(heap)
            if stretch.end > at and not stretch.stopped and stretch.queued == at:
                self._push_end(stretch)
        return math.inf

    # -- plans -------------------------------------------------------------------------------------------------------

    def observe(self) -> list[Running]:
        """Return the segments in progress, with the boundary that the profile predicts."""
        now = self.now
        return [stretch.look(now) for job, stretch in self._gpus.running.items() if job == stretch.jobs[0]]

    def occupied(self) -> Mapping[int, float]:
        """Return the GPUs that make an image, and when each will have."""
        return {gpu: image.freed for gpu, image in self._gpus.images.items()}

    def carry_out(self, assignments: Iterable[Assignment]) -> None:
        """Put a plan into force; what it does not name stops at its next step boundary."""
        now, in_progress = self.now, self._gpus.running
        self._gpus.clear_waiting()
        new: list[Assignment] = []
        kept: set[int] = set()
        for assignment in assignments:
            first = assignment.jobs[0]
            running = in_progress.get(first)
            if running is not None and running.group.mask == assignment.group.mask and running.jobs == assignment.jobs:
                kept.add(first)
                if len(running.jobs) == 1:
                    left = self._left[first]
                else:
                    left = min(self._left.get(j, running.steps) for j in running.jobs)
                steps = running.begun(now) + assignment.steps
                if steps > left:
                    steps = left
                if steps != running.steps:
                    self._stop_after(running, steps)
            else:
                new.append(assignment)
        if len(kept) < len(in_progress):
            for job, stretch in list(in_progress.items()):
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
        self._gpus.forget_waiting(request)
        stretch = self._gpus.running.get(request)
        if stretch is not None and stretch.jobs == (request,):
            self._stop_after(stretch, stretch.begun(self.now))

    def _stop_after(self, stretch: Stretch, steps: int) -> None:
        if steps == 0:
            self._gpus.release(stretch)
        elif steps != stretch.steps:
            stretch.steps = steps
            stretch.end = max(stretch.boundary(steps), self.now)
            if stretch.end < stretch.queued:
                self._push_end(stretch)

    def _start(self, assignment: Assignment) -> None:
        left, in_progress = self._left, self._gpus.running
        jobs = assignment.jobs if len(assignment.jobs) == 1 else tuple(j for j in assignment.jobs if j in left)
        if not jobs or jobs[0] not in left:
            return
        group, steps, start = assignment.group, assignment.steps, self.now
        mask = group.mask
        blockers = self._gpus.blockers(jobs, group)
        for stretch in blockers:
            if stretch.end > start:
                start = stretch.end
        decoding = self._gpus.decoding(group)
        if decoding > start:
            start = decoding
        moves, remaining = False, []
        for job in jobs:
            current = in_progress.get(job)
            remaining.append(left[job] if current is None else left[job] - current.steps)
            holds = self._holds.get(job, mask) if current is None else current.group.mask
            moves = moves or holds != mask
        steps = min(steps, *remaining)
        if steps < 1:
            return
        if moves:
            start += self._physics.regroup_seconds
        first = self._requests[jobs[0]]
        batch = len(jobs)
        seconds = self._costs.batch_time(first.shape, group, batch)
        cv = self._physics.noise_cv or self._cv(first.shape, group, batch)
        done = first.steps - remaining[0]
        stretch = Stretch(jobs, group, start, steps, seconds, cv, self._drift.get(jobs[0], []), done)
        stretch.moving = self._physics.regroup_seconds if moves else 0.0
        if blockers or decoding:
            self._gpus.waiting[jobs[0]] = stretch
        else:
            self._gpus.occupy(stretch)
        self._push_end(stretch)

    def _cv(self, shape: Shape, group: Group, batch: int) -> float:
        key = (shape, group.degree, group.link, batch)
        cv = self._spread.get(key)
        if cv is None:
            cv = self._spread[key] = self._physics.noise * self._profile.entry(*key).spread
        return cv
