"""The GPU time of a lookahead program, and whether durations keep to it: asked of a schedule without making the program.

In each interval there are so many GPU-seconds, less those of steps in progress, and for each group size so many seconds of
groups (:mod:`planner.programs.concurrency`). The other rows of the program hold for every schedule by itself.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from planner.outcomes import Floats
from planner.programs.concurrency import group_seconds, has_level
from planner.programs.intervals import Task
from planner.programs.lists import ListSchedule
from planner.round import Round

Durations = dict[tuple[int, int, int], float]
"""Seconds of (task, interval, degree)."""


@dataclass(frozen=True)
class Supply:
    """What there is to be had.

    Parameters
    ----------
    points
        Now and the times at which tasks are due, ascending.
    gpu_seconds
        Of each interval.
    groups
        By group size, seconds of groups in each interval in which such groups and several tasks may run; None elsewhere.
    """

    points: Sequence[float]
    gpu_seconds: Sequence[float]
    groups: Mapping[int, Sequence[float | None]]

    def until(self, due: float) -> float:
        """GPU-seconds up to a point in time."""
        return sum(self.gpu_seconds[: bisect_left(self.points, due)])

    def of(self, tasks: Sequence[Task], schedule: ListSchedule) -> Durations:
        """Return a list schedule as durations, by position in ``tasks``."""
        points, found = self.points, Durations()
        for phase in schedule.phases:
            for i, degree in phase.degrees.items():
                self.add(found, i, degree, max(phase.start, tasks[i].release), min(phase.end, points[-1]))
        return found

    def add(self, durations: Durations, task: int, degree: int, begins: float, ends: float) -> None:
        """Let a task run from one time to another."""
        points = self.points
        at = max(0, bisect_right(points, begins) - 1)
        while at < len(points) - 1 and points[at] < ends:
            seconds = min(ends, points[at + 1]) - max(begins, points[at])
            if seconds > 0:
                key = task, at, degree
                durations[key] = durations.get(key, 0.0) + seconds
            at += 1

    def excess(self, durations: Durations) -> float:
        """Return the most by which durations exceed what there is, in GPU-seconds or seconds of groups; 0 if they fit."""
        used = [0.0] * len(self.gpu_seconds)
        for (_, at, degree), seconds in durations.items():
            used[at] += degree * seconds
        worst = max((took - have for took, have in zip(used, self.gpu_seconds, strict=True)), default=0.0)
        for size, available in self.groups.items():
            wide = [0.0] * len(available)
            narrow: dict[tuple[int, int], float] = {}
            for (task, at, degree), seconds in durations.items():
                if degree >= size:
                    wide[at] += degree // size * seconds
                else:
                    narrow[at, task] = narrow.get((at, task), 0.0) + seconds
            beside = [0.0] * len(available)
            for (at, _), seconds in narrow.items():
                beside[at] = max(beside[at], seconds)
            for at, have in enumerate(available):
                if have is not None:
                    worst = max(worst, wide[at] + beside[at] - have)
        return max(0.0, worst)


def gpu_seconds_of(round_: Round, points: Floats) -> Floats:
    """Return the GPU-seconds in each interval between points, less those of steps in progress."""
    lengths = np.diff(points)
    busy = np.array([free for free in round_.free_at if free > round_.now])
    taken = np.clip(busy[:, None] - points[:-1], 0.0, lengths).sum(axis=0)
    available: Floats = round_.cluster.gpus * lengths - taken
    return available


def supply_of(round_: Round, tasks: Sequence[Task], concurrency: bool) -> Supply:
    """Return what a round has for tasks.

    Parameters
    ----------
    round_, tasks
        The instance, and at least one task.
    concurrency
        Whether groups are counted.
    """
    cluster, now = round_.cluster, round_.now
    points = [now, *sorted({task.due for task in tasks})]
    busy = sorted(free for free in round_.free_at if free > now)
    gpu_seconds = []
    for begin, end in pairwise(points):
        taken = 0.0
        for free in busy:
            if free > begin:
                taken += min(free, end) - begin
        gpu_seconds.append(cluster.gpus * (end - begin) - taken)
    groups: dict[int, list[float | None]] = {}
    if concurrency:
        there: list[list[int]] = [[] for _ in gpu_seconds]
        for task in tasks:
            first = bisect_right(points, task.release) - 1
            for at in range(max(0, first), bisect_left(points, task.due)):
                there[at].append(task.degrees[-1])
        for size in cluster.degrees:
            if has_level(cluster.gpus, size):
                seconds = group_seconds(cluster.gpus, size, points, busy)
                groups[size] = [
                    have if len(most) > 1 and max(most) >= size else None
                    for have, most in zip(seconds, there, strict=True)
                ]
    return Supply(points, gpu_seconds, groups)
