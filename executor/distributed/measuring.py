"""Step and stage times of the hardware at hand, measured through the engine that will serve on it.

What is measured is what a plan will see: the time from one step's end to the next, with everything in it.
"""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch

from executor.distributed.config import EngineConfig
from executor.distributed.controller import DistributedEngine
from executor.distributed.models.model import Model
from executor.distributed.models.spec import Ask
from executor.distributed.models.ticket import Ticket
from executor.distributed.sequence import SequenceParallel
from executor.distributed.sequence.counting import CountingLoopback
from planner.cluster import Cluster, Group
from planner.plan import Assignment
from planner.request import Request
from profiles.entries import LOCAL, StageEntry, StepEntry
from profiles.profile import Profile
from profiles.shape import Shape


@dataclass(frozen=True)
class Grid:
    """What to measure.

    Parameters
    ----------
    shapes, batches
        All combinations, on one group for each degree and link class of the cluster.
    repeats, warmup
        Steps that count, and steps before them that do not.
    date
        ISO day, for provenance.
    """

    shapes: tuple[Shape, ...]
    batches: tuple[int, ...] = (1,)
    repeats: int = 10
    warmup: int = 2
    date: str = "2026-01-01"

    def __post_init__(self) -> None:
        if 1 not in self.batches:
            raise ValueError(f"batches are {self.batches}; a profile needs batch 1")
        if self.repeats < 2 or self.warmup < 1:
            raise ValueError(f"repeats is {self.repeats}, warmup {self.warmup}; at least 2 and 1 are needed")


@dataclass(frozen=True)
class LinkModel:
    """What communication costs where it cannot be measured.

    Parameters
    ----------
    bandwidth
        Bytes per second that one member sends.
    latency
        Seconds per collective.
    """

    bandwidth: float
    latency: float


def hardware(config: EngineConfig) -> str:
    """Return the devices in words."""
    if config.device == "cuda" and config.transport == "ray":
        from executor.distributed.on_ray import session

        with session.Session(config.address):
            return session.accelerators()
    if config.device == "cuda":
        return f"{torch.cuda.device_count()} x {torch.cuda.get_device_name(0)}"
    return f"CPU ({platform.machine()}), gloo"


def points(cluster: Cluster, grid: Grid) -> list[tuple[Shape, Group, int]]:
    """Return every combination to measure: shape, group, batch."""
    groups: dict[tuple[int, str], Group] = {}
    for group in cluster.all_groups:
        groups.setdefault((group.degree, group.link), group)
    return [(shape, group, batch) for shape in grid.shapes for group in groups.values() for batch in grid.batches]


def guess(cluster: Cluster, grid: Grid) -> Profile:
    """Return a profile in which every step takes a second, for an engine that is about to know better."""
    entries = tuple(
        StepEntry(shape, group.degree, batch, group.link, 1.0, 0.0, "extrapolated", "a guess", grid.date)
        for shape, group, batch in points(cluster, grid)
    )
    return Profile("guess", "any", "any", cluster.links, 1, entries)


def measure(
    config: EngineConfig, cluster: Cluster, grid: Grid, name: str, on_entry: Callable[[StepEntry], None] | None = None
) -> Profile:
    """Measure a profile on real workers.

    Parameters
    ----------
    config, cluster
        As for the engine.
    grid
        What to measure.
    name
        Of the profile.
    on_entry
        Called with each entry as it is known.

    Returns
    -------
    Profile
        Median seconds per step and their spread, encode and decode times; all *measured*.

    Raises
    ------
    executor.distributed.config.EngineError
        As the engine does.
    """
    entries = []
    with DistributedEngine(config, cluster, guess(cluster, grid)) as engine:
        lab = _Lab(engine, grid)
        for shape, group, batch in points(cluster, grid):
            entry = lab.step_entry(shape, group, batch)
            entries.append(entry)
            if on_entry is not None:
                on_entry(entry)
        stages = tuple(lab.stage_entries())
        regroup = lab.regroup_seconds(cluster, grid.shapes[0])
    notes = f"Measured through the engine, {grid.repeats} steps each after {grid.warmup}. "
    notes += f"From one chunk's end to the next one's start on another group: {1e3 * regroup:.2f} ms."
    kind = config.model.folder.name
    return Profile(name, kind, hardware(config), cluster.links, 1, tuple(entries), stages, notes)


class _Lab:
    """Requests made for measuring, one after the other."""

    def __init__(self, engine: DistributedEngine, grid: Grid) -> None:
        self._engine = engine
        self._grid = grid
        self._shapes: list[Shape] = []

    def step_entry(self, shape: Shape, group: Group, batch: int) -> StepEntry:
        steps = self._grid.warmup + self._grid.repeats
        jobs = self._admit(shape, batch, steps)
        self._engine.carry_out([Assignment(jobs, group, steps)])
        self._until_finished(jobs)
        ends = [step.end for step in self._engine.steps if step.jobs == jobs]
        seconds = [b - a for a, b in pairwise(ends)][self._grid.warmup - 1 :]
        source = f"{self._grid.repeats} steps on GPUs {','.join(map(str, group.gpus))}"
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
            for stage in ("encode", "decode"):
                found = [
                    seconds
                    for request, kind, seconds in self._engine.stage_times
                    if kind == stage and self._shapes[request] == shape
                ]
                source = f"{len(found)} requests"
                yield StageEntry(shape, stage, statistics.median(found), "measured", source, self._grid.date)

    def regroup_seconds(self, cluster: Cluster, shape: Shape) -> float:
        """Let a request hop between two groups, a step on each; return the median gap."""
        pair = cluster.groups(cluster.degrees[-1])[0], cluster.groups(1)[-1]
        hops = 12
        jobs = self._admit(shape, 1, hops)
        first = len(self._engine.steps)
        for hop in range(hops):
            self._engine.carry_out([Assignment(jobs, pair[hop % 2], 1)])
            while not any(item.request == jobs[0] for item in self._engine.advance(float("inf"))[1]):
                pass
        self._engine.drain()
        steps = self._engine.steps[first:]
        return statistics.median(b.start - a.end for a, b in pairwise(steps[2:]))

    def _admit(self, shape: Shape, batch: int, steps: int) -> tuple[int, ...]:
        jobs = tuple(range(len(self._shapes), len(self._shapes) + batch))
        self._shapes += [shape] * batch
        for job in jobs:
            self._engine.submit(Request(job, shape, steps, 0.0, 1e9))
        waiting = set(jobs)
        while waiting:
            waiting -= {item.request for item in self._engine.advance(float("inf"))[1]}
        return jobs

    def _until_finished(self, jobs: Sequence[int]) -> None:
        waiting = set(jobs)
        while waiting:
            waiting -= {item.request for item in self._engine.advance(float("inf"))[1] if item.kind == "finished"}
        self._engine.drain()


def emulate(
    config: EngineConfig, grid: Grid, degrees: Sequence[int], link: str, costs: LinkModel
) -> Iterator[StepEntry]:
    """Yield step times of groups larger than there are devices.

    One process runs exactly the share of a group's first member, which has the most heads and tokens; what a real group
    would send is counted and priced. A share is not slowed down by others, so entries are *extrapolated*.

    Parameters
    ----------
    config
        As for the engine.
    grid
        What to measure.
    degrees
        Sizes of groups, above 1.
    link
        Link class to put into the entries.
    costs
        What its communication costs.
    """
    torch.set_num_threads(config.threads)
    device = torch.device(config.device)
    model = Model(config.model, None, device)
    parallel = SequenceParallel(model.transformer)
    for shape in grid.shapes:
        request = Request(0, shape, grid.warmup + grid.repeats, 0.0, 1e9)
        tickets = [model.admit(Ask(request, config.prompts[0], seed)) for seed in range(max(grid.batches))]
        states = [(ticket.fixed(), ticket.moving()) for ticket in tickets]
        for degree in degrees:
            for batch in grid.batches:
                loop = CountingLoopback(degree)
                fresh = [Ticket.restore(*state, device) for state in states[:batch]]
                with parallel.over(loop):
                    seconds = [_timed(lambda: model.step(fresh), device) for _ in range(request.steps)]  # noqa: B023
                seconds = seconds[grid.warmup :]
                communication = loop.calls * costs.latency + loop.sent / costs.bandwidth
                yield StepEntry(
                    shape,
                    degree,
                    batch,
                    link if degree > 1 else LOCAL,
                    statistics.median(seconds) + communication / request.steps,
                    statistics.stdev(seconds) / statistics.fmean(seconds),
                    "extrapolated",
                    f"emulated: one member's share, {costs.bandwidth / 1e9:g} GB/s, {1e6 * costs.latency:g} us",
                    grid.date,
                )


def _timed(run: Callable[[], None], device: torch.device) -> float:
    began = time.perf_counter()
    run()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - began
