"""Step and stage times of the hardware at hand, measured through the engine that will serve on it.

What is measured is what a plan will see: the time from one step's end to the next, with everything in it.
"""

from __future__ import annotations

import math
import platform
import statistics
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import TypeVar

import torch

from executor.distributed.config import EngineConfig, EngineError
from executor.distributed.controller.crew import Crew
from executor.distributed.controller.engine import DistributedEngine
from executor.engine import MilestoneKind
from executor.measure.grid import Grid, points
from planner.cluster import Cluster, Group
from planner.plan import Assignment
from planner.request import Request
from profiles.communication import Communication, RegroupEntry
from profiles.entries import StageEntry, StepEntry, TimedStage
from profiles.profile import Profile
from profiles.shape import Shape

_T = TypeVar("_T")


class _BrokenError(Exception):
    """A group broke while it was being measured."""


def hardware(config: EngineConfig) -> str:
    """Return the devices in words."""
    if config.device == "cuda" and config.transport == "ray":
        from executor.distributed.on_ray import session

        with session.RaySession(config.address):
            return session.accelerators()
    if config.device == "cuda":
        return f"{torch.cuda.device_count()} x {torch.cuda.get_device_name(0)}"
    return f"CPU ({platform.machine()}), gloo"


def guess(cluster: Cluster, grid: Grid) -> Profile:
    """Return a profile in which every step takes a second, for an engine that is about to know better."""
    entries = tuple(
        StepEntry(shape, group.degree, batch, group.link, 1.0, 0.0, "extrapolated", "a guess", grid.date)
        for shape, group, batch in points(cluster, grid)
    )
    return Profile("guess", "any", "any", cluster.links, 1, entries)


def measure(crew: Crew, grid: Grid, name: str, on_entry: Callable[[StepEntry], None] | None = None) -> Profile:
    """Measure a profile on real workers, which can serve afterwards.

    Parameters
    ----------
    crew
        The workers.
    grid
        What to measure.
    name
        Of the profile.
    on_entry
        Called with each entry as it is known.

    Returns
    -------
    Profile
        Median seconds per step and their spread, encode and decode times, what a change of group takes; all *measured*.

    Raises
    ------
    executor.distributed.config.EngineError
        As the engine does.
    """
    config, cluster = crew.config, crew.cluster
    engine = DistributedEngine(crew, guess(cluster, grid), deliver=False)
    lab = _Lab(engine, grid, config.attempts)
    entries = []
    for shape, group, batch in points(cluster, grid):
        entry = lab.step_entry(shape, group, batch)
        entries.append(entry)
        if on_entry is not None:
            on_entry(entry)
    stages = tuple(lab.stage_entries())
    regroups = tuple(lab.regroup_entries(cluster, grid.shapes[0]))
    notes = f"Measured through the engine, {grid.repeats} steps each after {grid.warmup}."
    kind = config.model.folder.name
    talk = Communication(regroups=regroups)
    return Profile(name, kind, hardware(config), cluster.links, 1, tuple(entries), stages, notes, talk)


class _Lab:
    """Requests made for measuring, one after the other.

    What breaks is measured again from the start, with other requests; what breaks ``attempts`` times ends the measuring,
    with a message that says what was measured and what broke.
    """

    def __init__(self, engine: DistributedEngine, grid: Grid, attempts: int) -> None:
        self._engine = engine
        self._grid = grid
        self._attempts = attempts
        self._shapes: list[Shape] = []

    def step_entry(self, shape: Shape, group: Group, batch: int) -> StepEntry:
        steps = self._grid.warmup + self._grid.repeats

        def whole() -> tuple[int, ...]:
            jobs = self._admit(shape, batch, steps)
            self._engine.carry_out([Assignment(jobs, group, steps)])
            self._until(jobs, "finished")
            return jobs

        jobs = self._unbroken(f"steps of {shape.label}, batch {batch}, on GPUs {_gpus(group)}", whole)
        self._settle(shape)
        ends = [step.end for step in self._engine.steps if step.jobs == jobs]
        seconds = [b - a for a, b in pairwise(ends)][self._grid.warmup - 1 :]
        source = f"{self._grid.repeats} steps on GPUs {_gpus(group)}"
        return StepEntry(
            shape,
            group.degree,
            batch,
            group.link,
            statistics.median(seconds),
            statistics.stdev(seconds) / statistics.fmean(seconds),
            "measured",
            source,
            self._grid.date,
        )

    def stage_entries(self) -> Iterator[StageEntry]:
        for shape in self._grid.shapes:
            own = [staged for staged in self._engine.staged if self._shapes[staged.request] == shape]
            images = [staged for staged in own if staged.stage == "decode"]
            texts = [staged.end - staged.start for staged in own if staged.stage == "encode"]
            whole = statistics.median(staged.end - staged.start for staged in images)
            written = statistics.median(staged.end - staged.freed for staged in images)
            yield self._stage_entry(shape, "encode", statistics.median(texts), len(texts))
            yield self._stage_entry(shape, "decode", whole, len(images))
            if 0.0 < written <= whole:
                yield self._stage_entry(shape, "write", written, len(images))

    def _stage_entry(self, shape: Shape, stage: TimedStage, seconds: float, count: int) -> StageEntry:
        return StageEntry(shape, stage, seconds, "measured", f"{count} requests", self._grid.date)

    def regroup_entries(self, cluster: Cluster, shape: Shape) -> Iterator[RegroupEntry]:
        """Let a request stay on a group of the largest degree, then hop between it and one GPU, a step each time."""
        large, small = cluster.groups(cluster.degrees[-1])[0], cluster.groups(1)[-1]
        hops = max(8, self._grid.repeats)
        for other in (large, small):
            between = f"changes between GPUs {_gpus(large)} and {_gpus(other)}, {shape.label}"
            groups = [(large, other)[i % 2] for i in range(hops)]
            gaps = self._unbroken(between, lambda groups=groups: self._gaps(shape, groups))  # type: ignore[misc]
            ways = ((large, other), (other, large)) if other.degree != large.degree else ((large, large),)
            for way, (before, after) in enumerate(ways):
                seconds = gaps[way :: len(ways)]
                spread = statistics.stdev(seconds) / statistics.fmean(seconds)
                where = " to ".join(_gpus(group) for group in (before, after))
                source = f"{len(seconds)} times from GPUs {where}"
                median = statistics.median(seconds)
                yield RegroupEntry(before.degree, after.degree, median, spread, source, self._grid.date)
            if large.degree == 1:
                return

    def _gaps(self, shape: Shape, groups: Sequence[Group]) -> list[float]:
        """Return the seconds between the steps of a request that does each on the next group, but for the first two."""
        jobs = self._admit(shape, 1, len(groups))
        first = len(self._engine.steps)
        for number, group in enumerate(groups, start=1):
            self._engine.carry_out([Assignment(jobs, group, 1)])
            self._until(jobs, "finished" if number == len(groups) else "yielded")
        self._settle(shape)
        return [after.start - before.end for before, after in pairwise(self._engine.steps[first + 2 :])]

    def _admit(self, shape: Shape, batch: int, steps: int) -> tuple[int, ...]:
        jobs = tuple(range(len(self._shapes), len(self._shapes) + batch))
        self._shapes += [shape] * batch
        for job in jobs:
            self._engine.submit(Request(job, shape, steps, 0.0, 1e9))
        self._until(jobs, "ready")
        return jobs

    def _until(self, jobs: Sequence[int], kind: MilestoneKind) -> None:
        """Wait until something has happened to all of some requests, and to nobody else.

        Raises
        ------
        EngineError
            If one cannot be served, or nothing moves any more.
        _BrokenError
            If a group broke.
        """
        waiting = set(jobs)
        while waiting:
            now, progress = self._engine.advance(math.inf)
            for item in progress:
                if item.kind == "failed":
                    raise EngineError(f"measuring {self._shapes[item.request].label}: {item.reason}")
                if item.request in jobs and item.reason:
                    raise _BrokenError(item.reason)
            waiting -= {item.request for item in progress if item.kind == kind}
            if waiting and not progress and now == math.inf:
                raise EngineError(
                    f"measuring {self._shapes[jobs[0]].label}: requests {sorted(waiting)} are not {kind}, and nothing moves"
                )

    def _settle(self, shape: Shape) -> None:
        """Wait for images, so that what is measured next is alone.

        Raises
        ------
        EngineError
            If one cannot be made.
        """
        while self._engine.advance(math.inf)[0] != math.inf:
            pass
        for _, reason in self._engine.failures.values():
            raise EngineError(f"measuring {shape.label}: {reason}")

    def _unbroken(self, what: str, measure: Callable[[], _T]) -> _T:
        """Return what a measurement gives in which nothing broke."""
        reasons: list[str] = []
        while len(reasons) < self._attempts:
            first = len(self._shapes)
            try:
                return measure()
            except _BrokenError as error:
                reasons.append(str(error))
                for job in range(first, len(self._shapes)):
                    self._engine.drop(job)
        raise EngineError(f"measuring {what}: it broke {len(reasons)} times, at last by {reasons[-1]}")


def _gpus(group: Group) -> str:
    return ",".join(map(str, group.gpus))
