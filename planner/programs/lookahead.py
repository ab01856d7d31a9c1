"""The lookahead program: which of all live jobs can be on time, decided together up to the last deadline.

The deadline-interval program (:mod:`planner.programs.intervals`) over the backlog: points are now and the deadlines. It
is solved again whenever something happens, and only its first moments are carried out.

Most moments need no solver: where a list schedule (:mod:`planner.programs.lists`) finishes every job in time, nothing
can be worth more, and the schedule is the plan. Otherwise the program picks the jobs to serve, the fewest GPU-seconds
among equals, and the list schedule of those is the plan if it keeps its promise; if not, the program's own durations
are. Where several groups of the largest size lie side by side and not every job can be served, the list schedule is the
plan in any case: durations do not say what runs beside what, and the next arrival changes whom to serve.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from planner.capacity import available_mask, steps_within
from planner.effort import LIST_START, Size
from planner.idle import mask_of, start_waiting
from planner.job import Job
from planner.late import LateRule, check_late_rule, serve_late
from planner.objectives.protocol import Objective
from planner.outcomes import Floats
from planner.placement import Choice, place
from planner.plan import Assignment
from planner.programs.concurrency import complete, has_level, levels, with_levels
from planner.programs.floor import Class, with_floor
from planner.programs.intervals import Intervals, Task, interval_program
from planner.programs.linear import LinearProgram, Settled
from planner.programs.lists import ListSchedule, Phase, allot, list_schedule, task_of
from planner.programs.prices import serve_by_prices
from planner.programs.worth import Worth, worth_of
from planner.round import Round
from planner.timely import steps_in_time

_TINY = 1e-6
_AT_ONCE = 8
"""A start leaves out one of so many jobs at a time, so that their number does not decide how often it is made."""
_GRID = 12
"""Intervals of the grid of prices."""


@dataclass(frozen=True)
class Lookahead:
    """The lookahead program.

    Parameters
    ----------
    tie_break
        Price per GPU-second, relative to the least weight, that decides between equally valuable sets of jobs.
    late
        What late jobs get (:mod:`planner.late`).
    detail
        Up to so many jobs that can be on time, the program is solved as it is; larger ones by prices
        (:mod:`planner.programs.prices`), in time that hardly grows with the number of GPUs. An objective with a price
        per GPU-second or a least share is always solved as it is.
    concurrency
        Whether the program has the rows of :mod:`planner.programs.concurrency`; without them it promises more than
        whole degrees can keep.
    """

    tie_break: float = 1e-4
    late: LateRule = "brief"
    detail: int = 16
    concurrency: bool = True

    def __post_init__(self) -> None:
        check_late_rule("program.late", self.late)
        if not 0 <= self.tie_break < 1:
            raise ValueError(f"program.tie_break is {self.tie_break}; a price from 0 to below 1 is needed")
        if self.detail < 0:
            raise ValueError(f"program.detail is {self.detail}; a number of jobs of at least 0 is needed")

    def model(self, round_: Round, objective: Objective, greedy: Sequence[Assignment]) -> LookaheadModel:
        """Make the model of a round; its start is the list schedule, so ``greedy`` is not looked at.

        Raises
        ------
        ObjectiveError
            If the objective is no sum of rewards for jobs on time, a price per GPU-second and a least share of them.
        """
        timely = tuple(job for job in round_.jobs if not round_.hopeless(job))
        worth = worth_of(round_, timely, objective)
        return LookaheadModel(round_, timely, worth, self)

    def measure(self, round_: Round) -> Size:
        """Return how large the program of a round is at most."""
        timely = [job for job in round_.jobs if not round_.hopeless(job)]
        tasks = [task_of(round_, job, 1.0) for job in timely]
        return _size(tasks, round_) if tasks else Size(0, 0, 0, True)

    def rough(self, round_: Round, objective: Objective, budget: float) -> Settled | None:
        """Return a list schedule of the jobs that prices choose, where the program does not fit the budget."""
        return self.model(round_, objective, ()).rough(budget)


class LookaheadModel:
    """The program of one round."""

    def __init__(self, round_: Round, timely: tuple[Job, ...], worth: Worth, settings: Lookahead) -> None:
        self._round = round_
        self._timely = timely
        self._worth = worth
        self._settings = settings
        self._gpus = round_.cluster.gpus
        weights = worth.weights.tolist()
        self.tasks = tuple(task_of(round_, job, weight) for job, weight in zip(timely, weights, strict=True))
        """One per job that can still be on time alone."""

    @cached_property
    def _everything(self) -> ListSchedule:
        return list_schedule(self.tasks, self._round.now, self._gpus)

    # -- the program ---------------------------------------------------------------------------------------------------

    @cached_property
    def intervals(self) -> Intervals:
        """The program, without its start."""
        now = self._round.now
        points = np.unique(np.array([now, *(task.due for task in self.tasks)]))
        gpu_seconds = self._gpu_seconds(points)
        least = float(np.min(self._worth.weights, where=self._worth.weights > 0, initial=1.0)) if self.tasks else 1.0
        price = self._worth.price + self._settings.tie_break * least
        program = interval_program(self.tasks, points, gpu_seconds, np.full(len(gpu_seconds), price))
        if not self._settings.concurrency:
            return program
        cluster = self._round.cluster
        sizes = levels(cluster.gpus, cluster.degrees, points, self._round.free_at)
        return with_levels(program, len(self.tasks), sizes)

    @cached_property
    def linear(self) -> LinearProgram:
        """The arrays; the start is a list schedule of the jobs that one finishes in time.

        With a least share, its variable is the last one.
        """
        linear = replace(self.intervals.linear, start=self._start())
        classes = self._worth.classes
        if classes is None:
            return linear
        members = [np.flatnonzero(classes == name).tolist() for name in np.unique(classes)]
        kinds = [Class(len(jobs), 0, tuple(jobs), (1.0,) * len(jobs)) for jobs in members]
        return with_floor(linear, kinds, self._worth.share, whole=False)

    def _start(self) -> Floats:
        """List schedules of fewer and fewer jobs, until all that are left are in time."""
        linear = self.intervals.linear
        kept = list(range(len(self.tasks)))
        schedule = self._everything
        while kept:
            late = schedule.late([self.tasks[i] for i in kept])
            if not late:
                point = self._point(kept, schedule)
                if linear.violation(point) <= _TINY:
                    return point
                late = [max(range(len(kept)), key=lambda at: self._burden(kept[at]))]
            first = min(late, key=lambda at: (self.tasks[kept[at]].due, at))
            limit = self.tasks[kept[first]].due
            before = [at for at in range(len(kept)) if self.tasks[kept[at]].due <= limit]
            before.sort(key=lambda at: (self._burden(kept[at]), at), reverse=True)
            dropped = set(before[: max(1, len(kept) // _AT_ONCE)])
            kept = [i for at, i in enumerate(kept) if at not in dropped]
            schedule = list_schedule([self.tasks[i] for i in kept], self._round.now, self._gpus)
        return linear.start

    def _burden(self, i: int) -> float:
        """GPU-seconds at the fastest degree per unit of reward."""
        task = self.tasks[i]
        return task.steps * task.seconds[-1] * task.degrees[-1] / max(task.weight, _TINY)

    @cached_property
    def _columns(self) -> dict[tuple[int, int, int], int]:
        """Column of each duration, by task, interval and degree."""
        program = self.intervals
        keys = zip(program.task.tolist(), program.interval.tolist(), program.degree.tolist(), strict=True)
        return {key: len(self.tasks) + at for at, key in enumerate(keys)}

    def _point(self, kept: Sequence[int], schedule: ListSchedule) -> Floats:
        """Return a list schedule of some tasks as a point of the program."""
        program = self.intervals
        points = [self._round.now, *sorted({task.due for task in self.tasks})]
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
        return complete(program, np.minimum(point, program.linear.upper))

    # -- plans ---------------------------------------------------------------------------------------------------------

    def settled(self, budget: float = math.inf) -> Settled | None:
        """Return the plan where it needs no solver.

        That is where a list schedule is in time for every job, or where there are so many jobs that prices decide.
        """
        if self._worth.price:
            return None
        if len(self.tasks) > self._settings.detail and self._worth.classes is None:
            return self._by_prices(budget)
        if self._everything.late(self.tasks):
            return None
        if max(self._round.free_at) > self._round.now and self.tasks:
            point = self._point(range(len(self.tasks)), self._everything)
            if self.intervals.linear.violation(point) > _TINY:
                return None
        value = float(self._worth.weights.sum())
        if self._worth.classes is not None and self.tasks:
            value += self._worth.share
        return Settled(self._carry_out(range(len(self.tasks)), self._everything), value, value)

    def rough(self, budget: float) -> Settled | None:
        """Return a plan without the program: as it is settled where that takes no program, else by prices."""
        plain = not self._worth.price and self._worth.classes is None
        if not self.tasks or (plain and len(self.tasks) > self._settings.detail):
            return self.settled(budget)
        idle = max(self._round.free_at) <= self._round.now
        if not self._worth.price and idle and not self._everything.late(self.tasks):
            return self.settled(budget)
        return self._by_prices(budget)._replace(rough=True)

    def _by_prices(self, budget: float = math.inf) -> Settled:
        """Choose whom to serve by prices on a coarse grid; what runs now follows by deadline, as in a list schedule.

        With a price per GPU-second, a job is worth its reward less what its cheapest steps cost: no point of the
        program gains more by it. A least share adds what it is worth in the choice, and at most all of it in the bound.
        """
        now = self._round.now
        cheapest = [t.steps * min(d * s for d, s in zip(t.degrees, t.seconds, strict=True)) for t in self.tasks]
        net = self._worth.weights - self._worth.price * np.array(cheapest)
        wanted = np.flatnonzero(net > 0.0).tolist() if self._worth.price else list(range(len(self.tasks)))
        if not wanted:
            share = 0.0 if self._worth.classes is None else self._worth.share
            return Settled(self._carry_out([], ListSchedule([], [])), 0.0, share)
        offered = [replace(self.tasks[i], weight=float(net[i])) for i in wanted]
        due = np.array([task.due for task in offered])
        points = np.unique(np.r_[now, np.quantile(due, np.linspace(0.0, 1.0, _GRID + 1))])
        served = serve_by_prices(offered, points, self._gpu_seconds(points), budget=budget)
        chosen = [wanted[at] for at in served.tasks]
        tasks = [self.tasks[i] for i in chosen]
        order = sorted(range(len(tasks)), key=lambda at: (tasks[at].due, at))
        degrees = allot(tasks, [float(task.steps) for task in tasks], order, now, self._gpus)
        plan = self._carry_out(chosen, ListSchedule([Phase(now, now, degrees)], []))
        value, bound = served.value, served.bound
        classes = self._worth.classes
        if classes is not None:
            taken = np.isin(np.arange(len(self.tasks)), chosen)
            value += self._worth.share * min(float(taken[classes == name].mean()) for name in np.unique(classes))
            bound += self._worth.share
        return Settled(plan, value, bound)

    def _gpu_seconds(self, points: Floats) -> Floats:
        """GPU-seconds in each interval, less those of steps in progress."""
        lengths = np.diff(points)
        busy = np.array([free for free in self._round.free_at if free > self._round.now])
        taken = np.clip(busy[:, None] - points[:-1], 0.0, lengths).sum(axis=0)
        available: Floats = self._gpus * lengths - taken
        return available

    def assignments(self, x: Floats) -> list[Assignment]:
        """Serve the jobs that the program serves: by their list schedule or by its durations (see above)."""
        served = [i for i in range(len(self.tasks)) if x[i] > 0.5]
        tasks = [self.tasks[i] for i in served]
        schedule = list_schedule(tasks, self._round.now, self._gpus)
        cluster = self._round.cluster
        side_by_side = cluster.gpus > max(cluster.degrees) and len(served) < len(self.tasks)
        by_list = side_by_side or not schedule.late(tasks)
        return self._carry_out(served, schedule if by_list else None, x)

    def _carry_out(
        self, served: Sequence[int], schedule: ListSchedule | None, x: Floats | None = None
    ) -> list[Assignment]:
        round_ = self._round
        free = available_mask(round_)
        if schedule is not None:
            first = schedule.phases[0].degrees if schedule.phases else {}
            wanted = [(served[at], degree, self.tasks[served[at]].steps) for at, degree in first.items()]
        else:
            wanted = self._first_pieces(served, x if x is not None else np.zeros(0))
        choices = []
        for i, degree, steps in wanted:
            seconds = self.tasks[i].seconds[self.tasks[i].degrees.index(degree)]
            fitting = steps if round_.cadence.kind == "events" else steps_within(round_, seconds, steps)
            if fitting:
                fitting = steps_in_time(round_, self._timely[i], seconds, fitting)
            if fitting:
                choices.append(Choice(self._timely[i], degree, fitting))
        placed = place(round_, choices, free)
        running = {id_ for assignment in placed for id_ in assignment.jobs}
        taken = set(served)
        waiting = [job for i, job in enumerate(self._timely) if job.request.id not in running and i in taken]
        placed += start_waiting(round_, waiting, free & ~mask_of(placed))
        others = [job for i, job in enumerate(self._timely) if job.request.id not in running and i not in taken]
        placed += start_waiting(round_, others, free & ~mask_of(placed))
        return self._serve_late(placed, free)

    def _first_pieces(self, served: Sequence[int], x: Floats) -> list[tuple[int, int, int]]:
        """(task, degree, steps) of what the program runs in its first interval, earliest deadline first."""
        program = self.intervals
        durations = x[len(self.tasks) :][: len(program.task)]
        keep = set(served)
        pieces = sorted(
            (self.tasks[i].due, i, -int(program.degree[at]), float(durations[at] * program.speed[at]))
            for at in np.flatnonzero((program.interval == 0) & (durations > _TINY)).tolist()
            if (i := int(program.task[at])) in keep
        )
        wanted: list[tuple[int, int, int]] = []
        left = self._gpus
        for _, i, minus, steps in pieces:
            if -minus <= left and all(i != other for other, _, _ in wanted):
                wanted.append((i, -minus, min(self.tasks[i].steps, max(1, round(steps)))))
                left += minus
        return wanted

    def _serve_late(self, placed: list[Assignment], free: int) -> list[Assignment]:
        late = [job for job in self._round.jobs if self._round.hopeless(job)]
        return serve_late(self._round, placed, late, free, self._settings.late, timely=bool(self._timely))


def _size(tasks: Sequence[Task], round_: Round) -> Size:
    """Count what :func:`planner.programs.intervals.interval_program` and the rows on concurrency would make."""
    due = np.array([task.due for task in tasks])
    release = np.array([task.release for task in tasks])
    widths = np.array([len(task.degrees) for task in tasks])
    points = np.unique(np.r_[round_.now, due])
    spans = np.searchsorted(points, due, side="left") - np.searchsorted(points, release, side="right") + 1
    spans = np.maximum(spans, 0)
    count, intervals, pairs = len(tasks), len(points) - 1, int(spans.sum())
    columns = int((spans * widths).sum())
    cluster = round_.cluster
    sizes = sum(has_level(cluster.gpus, size) for size in cluster.degrees)
    variables = count + columns + sizes * intervals + 1
    rows = count + pairs + intervals + sizes * (pairs + intervals) + count
    nonzeros = count + pairs + 3 * columns + sizes * (columns + pairs + intervals) + 2 * count
    return Size(variables, rows, nonzeros, True, LIST_START(variables + rows + nonzeros))
