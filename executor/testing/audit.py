"""An engine with somebody who watches it: all that goes in and comes out is checked against the protocol's rules."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import pairwise

from executor.engine import Engine, Milestone, Running, Segment, Staged
from planner.plan import Assignment
from planner.request import Request
from planner.testing import ConformanceError

_EPSILON = 1e-6
"""Seconds by which two times may differ and still count as equal."""


class Audited:
    """An engine that is watched; itself an `executor.engine.Engine`.

    Parameters
    ----------
    engine
        To be watched.
    real_clock
        Whether its clock is real, and may tell what happened a moment after it was to wait for.
    """

    def __init__(self, engine: Engine, real_clock: bool = False) -> None:
        self._engine = engine
        self._real_clock = real_clock
        self._requests: dict[int, Request] = {}
        self._arrived: dict[int, float] = {}
        self._waiting: set[int] = set()
        self._planned: dict[int, set[int]] = {}
        self._seen: dict[int, list[Milestone]] = {}
        self._dropped: set[int] = set()
        self._now = 0.0

    def submit(self, request: Request) -> bool:
        """Pass a request on."""
        ready = self._engine.submit(request)
        self._require(type(ready) is bool, request.id, f"submit() returned {ready!r}; True or False is needed")
        self._requests[request.id] = request
        self._seen[request.id] = []
        if not ready:
            self._waiting.add(request.id)
        return ready

    def advance(self, until: float) -> tuple[float, list[Milestone]]:
        """Let time pass, and check the time and what happened."""
        now, progress = self._engine.advance(until)
        if now != math.inf:
            if not self._now - _EPSILON <= now <= until + _EPSILON:
                raise ConformanceError(f"advance({until:g}) returned the time {now:g} after {self._now:g}")
            self._now = max(self._now, now)
        for item in progress:
            self._check(item, now)
        return now, progress

    def wake(self) -> None:
        """Pass it on."""
        self._engine.wake()

    def observe(self) -> list[Running]:
        """Return the segments in progress, and check them."""
        running = self._engine.observe()
        used = 0
        for segment in running:
            for job in segment.jobs:
                held = segment.group.mask in self._planned.get(job, ())
                self._require(held, job, f"it runs on GPUs {segment.group.gpus}, for which no plan had it")
            if segment.group.mask & used:
                raise ConformanceError(f"observe() has two segments on one of the GPUs {segment.group.gpus}")
            used |= segment.group.mask
            decoding = [gpu for gpu in self._engine.occupied() if segment.group.mask >> gpu & 1]
            if decoding:
                raise ConformanceError(f"observe() has jobs {segment.jobs} on GPU {decoding[0]}, which makes an image")
            if segment.begun < 0:
                raise ConformanceError(f"observe() has a segment with {segment.begun} steps begun: {segment}")
        return running

    def occupied(self) -> Mapping[int, float]:
        """Return the GPUs that make an image."""
        return self._engine.occupied()

    def carry_out(self, assignments: Iterable[Assignment]) -> None:
        """Pass a plan on."""
        made = tuple(assignments)
        for assignment in made:
            for job in assignment.jobs:
                self._planned.setdefault(job, set()).add(assignment.group.mask)
        self._engine.carry_out(made)

    def drop(self, request: int) -> None:
        """Pass it on; what the engine says of it from now on does not count."""
        self._dropped.add(request)
        self._engine.drop(request)

    @property
    def segments(self) -> list[Segment]:
        """What the engine has."""
        return self._engine.segments

    @property
    def staged(self) -> list[Staged]:
        """What the engine has."""
        return self._engine.staged

    def at_the_end(self) -> None:
        """Check the account of the whole run: every request has left, with all its steps, on GPUs that were its own.

        Raises
        ------
        ConformanceError
            If a rule is broken.
        """
        done: Counter[int] = Counter()
        busy: dict[int, list[tuple[float, float, tuple[int, ...]]]] = {}
        for segment in self.segments:
            if not (segment.steps >= 1 and segment.start <= segment.end + _EPSILON):
                raise ConformanceError(f"a segment has no steps, or ends before it starts: {segment}")
            done.update(dict.fromkeys(segment.jobs, segment.steps))
            for gpu in segment.gpus:
                busy.setdefault(gpu, []).append((segment.start, segment.end, segment.jobs))
        last = {job: segment.gpus for segment in self.segments for job in segment.jobs}
        for staged in self.staged:
            if staged.gpu >= 0:
                there = staged.stage == "decode" and staged.gpu in last.get(staged.request, ())
                self._require(there, staged.request, f"no GPU of its last group did this: {staged}")
                right = staged.worker < 0 and staged.start - _EPSILON <= staged.freed <= staged.end + _EPSILON
                self._require(right, staged.request, f"a GPU is free once it has made the image, but {staged}")
                busy.setdefault(staged.gpu, []).append((staged.start, staged.freed, (staged.request,)))
        for gpu, own in busy.items():
            own.sort()
            for (_, end, first), (start, _, second) in pairwise(own):
                if start < end - _EPSILON:
                    raise ConformanceError(
                        f"GPU {gpu} runs jobs {first} until {end:g} and jobs {second} from {start:g}"
                    )
        steps: dict[int, tuple[float, float]] = {}
        for segment in self.segments:
            for job in segment.jobs:
                steps[job] = (steps.get(job, (segment.start,))[0], segment.end)
        for staged in self.staged:
            began, ended = steps.get(staged.request, (staged.end, staged.start))
            right = staged.end <= began + _EPSILON if staged.stage == "encode" else staged.start >= ended - _EPSILON
            self._require(right, staged.request, f"its steps go from {began:g} to {ended:g}, but {staged}")
        for id_, request in self._requests.items():
            kinds = [item.kind for item in self._seen[id_]]
            if id_ in self._dropped or "failed" in kinds:
                continue
            self._require(kinds.count("finished") == 1, id_, f"it finished {kinds.count('finished')} times")
            self._require(kinds[-1] == "delivered", id_, f"its image never came; last it {kinds[-1]}")
            told = sum(item.steps for item in self._seen[id_])
            self._require(told == request.steps, id_, f"{told} of {request.steps} steps were reported")
            self._require(done[id_] == request.steps, id_, f"segments have {done[id_]} of its {request.steps} steps")

    def _check(self, item: Milestone, now: float) -> None:
        id_ = item.request
        if id_ in self._dropped:
            return
        self._require(id_ in self._requests, id_, f"{item.kind} is reported of a request that never came")
        self._require(
            item.at <= now + _EPSILON or self._real_clock,
            id_,
            f"{item.kind} at {item.at:g} is reported at {now:g} already",
        )
        before = self._seen[id_]
        last = before[-1].kind if before else ""
        self._require(last not in ("delivered", "failed"), id_, f"{item.kind} is reported after {last}")
        if item.kind == "ready":
            self._require(id_ in self._waiting, id_, "ready is reported, but submit() said so or it was before")
            self._waiting.discard(id_)
        elif item.kind != "failed":
            self._require(id_ not in self._waiting, id_, f"{item.kind} is reported before ready")
        if item.kind in ("yielded", "finished"):
            self._require(last not in ("finished", "freed"), id_, f"{item.kind} is reported after {last}")
            self._require(id_ in self._planned, id_, f"{item.kind} is reported, but no plan ever had it")
            done = sum(other.steps for other in before) + item.steps
            steps = self._requests[id_].steps
            right = done == steps if item.kind == "finished" else 0 <= done < steps
            self._require(right, id_, f"{item.kind} is reported after {done} of {steps} steps")
        if item.kind == "yielded" and item.steps:
            held = item.group is not None and item.group.mask in self._planned[id_]
            self._require(held, id_, "yielded names no group that a plan had it on")
        if item.kind in ("freed", "delivered"):
            right = last == "finished" or (item.kind == "delivered" and last == "freed")
            self._require(right, id_, f"{item.kind} is reported after {last or 'nothing'}, not after finished")
        before.append(item)

    @staticmethod
    def _require(holds: bool, request: int, why: str) -> None:
        if not holds:
            raise ConformanceError(f"request {request}: {why}")
