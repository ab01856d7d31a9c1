"""Points of the lookahead program without a solver: list schedules as durations, and back."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from planner.outcomes import Floats
from planner.programs.concurrency import complete
from planner.programs.images import fill_images
from planner.programs.intervals import Intervals, Task
from planner.programs.lists import ListSchedule, list_schedule

TINY = 1e-6
"""By how much a point may break a row, and the shortest duration that counts."""
_AT_ONCE = 8
"""A start leaves out one of so many jobs at a time, so that their number does not decide how often it is made."""


@dataclass(frozen=True)
class Starts:
    """Points of one program.

    Parameters
    ----------
    program
        Without its start.
    tasks
        Its tasks.
    now, gpus
        The time, and how many GPUs there are.
    images_until
        When each GPU that makes an image is free.
    """

    program: Intervals
    tasks: Sequence[Task]
    now: float
    gpus: int
    images_until: Sequence[float] = ()

    def longest(self, schedule: ListSchedule) -> Floats:
        """Return list schedules of fewer and fewer tasks, from one of all, until all that are left are in time."""
        linear = self.program.linear
        kept = list(range(len(self.tasks)))
        while kept:
            late = schedule.late([self.tasks[i] for i in kept])
            if not late:
                point = self.point(kept, schedule)
                if linear.violation(point) <= TINY:
                    return point
                late = [max(range(len(kept)), key=lambda at: self._burden(kept[at]))]
            first = min(late, key=lambda at: (self.tasks[kept[at]].due, at))
            limit = self.tasks[kept[first]].due
            before = [at for at in range(len(kept)) if self.tasks[kept[at]].due <= limit]
            before.sort(key=lambda at: (self._burden(kept[at]), at), reverse=True)
            dropped = set(before[: max(1, len(kept) // _AT_ONCE)])
            kept = [i for at, i in enumerate(kept) if at not in dropped]
            mine = [self.tasks[i] for i in kept]
            schedule = list_schedule(mine, self.now, self.gpus, images_until=self.images_until)
        return linear.start

    def _burden(self, i: int) -> float:
        """GPU-seconds at the fastest degree per unit of reward."""
        task = self.tasks[i]
        return task.steps * task.seconds[-1] * task.degrees[-1] / max(task.weight, TINY)

    @cached_property
    def _columns(self) -> dict[tuple[int, int, int], int]:
        """Column of each duration, by task, interval and degree."""
        program = self.program
        keys = zip(program.task.tolist(), program.interval.tolist(), program.degree.tolist(), strict=True)
        return {key: len(self.tasks) + at for at, key in enumerate(keys)}

    def point(self, kept: Sequence[int], schedule: ListSchedule) -> Floats:
        """Return a list schedule of some tasks as a point of the program."""
        program = self.program
        points = [self.now, *sorted({task.due for task in self.tasks})]
        point = np.zeros(program.linear.size)
        for phase in schedule.phases:
            for at, degree in phase.degrees.items():
                i = kept[at]
                begins = max(phase.start, self.tasks[i].release)
                first = max(0, bisect_right(points, begins) - 1)
                for interval in range(first, min(len(points) - 1, bisect_left(points, phase.end))):
                    seconds = min(phase.end, points[interval + 1]) - max(begins, points[interval])
                    if seconds > 0 and (column := self._columns.get((i, interval, degree))) is not None:
                        point[column] += seconds
        point[list(kept)] = 1.0
        fill_images(program, self.tasks, points, dict(zip(kept, schedule.ends, strict=True)), point)
        return complete(program, np.minimum(point, program.linear.upper))

    def first_pieces(self, served: Sequence[int], x: Floats) -> list[tuple[int, int, int]]:
        """(task, degree, steps) of what the program runs in its first interval, earliest deadline first."""
        program = self.program
        durations = x[len(self.tasks) :][: len(program.task)]
        keep = set(served)
        pieces = sorted(
            (self.tasks[i].due, i, -int(program.degree[at]), float(durations[at] * program.speed[at]))
            for at in np.flatnonzero((program.interval == 0) & (durations > TINY)).tolist()
            if (i := int(program.task[at])) in keep
        )
        wanted: list[tuple[int, int, int]] = []
        left = self.gpus
        for _, i, minus, steps in pieces:
            if -minus <= left and all(i != other for other, _, _ in wanted):
                wanted.append((i, -minus, min(self.tasks[i].steps, max(1, round(steps)))))
                left += minus
        return wanted
