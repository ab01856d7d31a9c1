"""The master of whole schedules: at most one per task, within the rows of the interval program that tasks share.

With rows A t <= b of the interval program in which several tasks take part (GPU-seconds, concurrency), and the schedules
H_j of task j, of which h uses the durations t_h,

    maximize sum_h w_j x_h     sum_{h in H_j} x_h <= 1 for every j     A (sum_h t_h x_h, z) <= b     x, z >= 0

Schedules are made as they are needed (column generation; Dantzig and Wolfe, 1960). For any prices y >= 0 of the rows with
A_z^T y >= 0, no solution is worth more than

    b y  +  sum_j max(0, w_j - least cost of a schedule of j at prices A^T y)

and every master with some of the schedules is worth at most what all are. So both sides hold whenever it ends.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from planner.backends.highs import load
from planner.backends.protocol import BackendError
from planner.decomposition.schedule import cheapest_schedule, least_cost
from planner.outcomes import Floats, Ints
from planner.programs.intervals import Intervals, Task

_BETTER = 1e-7
"""Reduced value from which on a schedule is worth a column."""
_EQUAL = 1e-6
"""Values that differ by less are equal, for what is rounded in linear programs."""
_EVERY = 10
"""Masters between two bounds from above, each of which asks every task for its least cost."""


@dataclass(frozen=True, slots=True)
class Decomposed:
    """What the master is worth.

    Parameters
    ----------
    relaxed
        Of the interval program without integrality: at least what the master is worth.
    lower, upper
        The master is worth at least, and at most, this.
    schedules
        Made, over all tasks.
    rounds
        Masters solved.
    """

    relaxed: float
    lower: float
    upper: float
    schedules: int
    rounds: int


def decompose(
    tasks: Sequence[Task], points: Floats, program: Intervals, rounds: int, target: float = math.inf
) -> Decomposed:
    """Solve the master of a program by column generation, as far as it gets.

    Parameters
    ----------
    tasks, points, program
        Tasks, points in time, and the interval program of both, with all its rows, without price and stages.
    rounds
        Masters to solve at most.
    target
        What is asked is whether the master is worth this: it ends as soon as one of the sides tells.

    Raises
    ------
    BackendError
        If HiGHS fails on a master.
    """
    rows = _Shared(tasks, points, program)
    relaxed, centre = rows.relaxed()
    upper = min(relaxed, rows.bound(centre))
    master = _Master(rows)
    master.add(centre, np.zeros(len(tasks)))
    lower, done = 0.0, 0
    for done in range(1, rounds + 1):
        lower, prices, worth = master.solve()
        if lower >= min(upper, target) - _EQUAL or upper < target - _EQUAL < math.inf:
            break
        between = (centre + prices) / 2.0  # prices of a master swing; those between them and the best so far do less
        if not master.add(between, worth) and not master.add(prices, worth):
            break
        if done % _EVERY == 0 and (bound := rows.bound(between)) < upper:
            upper, centre = bound, between
    return Decomposed(relaxed, lower, max(lower, upper), master.columns, done)


class _Shared:
    """The rows in which several tasks take part."""

    def __init__(self, tasks: Sequence[Task], points: Floats, program: Intervals) -> None:
        linear = program.linear
        self.tasks, self.points, self.program = tasks, points, program
        pairs = len(np.unique(program.interval * len(tasks) + program.task))
        self.first = len(tasks) + pairs
        self.capacity = linear.capacity[self.first :]
        entry = linear.row_starts[self.first]
        self.row = np.repeat(np.arange(linear.rows), np.diff(linear.row_starts))[entry:] - self.first
        self.column, self.value = linear.columns[entry:], linear.coefficients[entry:]
        self.begin = len(tasks) + len(program.task)
        order = np.argsort(self.column, kind="stable")
        self.by_column = order
        self.column_starts = np.searchsorted(self.column[order], np.arange(linear.size + 1))
        position = [{degree: k for k, degree in enumerate(task.degrees)} for task in tasks]
        own = zip(program.task.tolist(), program.degree.tolist(), strict=True)
        self.choice = np.array([position[i][degree] for i, degree in own], dtype=np.int64)
        self.of_task = [np.flatnonzero(program.task == i) for i in range(len(tasks))]

    def relaxed(self) -> tuple[float, Floats]:
        """Value of the program without integrality, and the prices of the shared rows."""
        linear = self.program.linear
        highs = load(linear, np.zeros(linear.size, dtype=np.bool_))
        highs.setOptionValue("presolve", "on")
        value, dual = _run(highs)
        return value, dual[self.first :]

    def costs(self, prices: Floats) -> Floats:
        """Per second of each duration, and of each variable beyond them."""
        size = self.program.linear.size
        return np.bincount(self.column, weights=self.value * prices[self.row], minlength=size).astype(np.float64)

    def price(self, costs: Floats, task: int) -> Floats:
        """The same of one task, shape (degrees, intervals)."""
        table = np.zeros((len(self.tasks[task].degrees), len(self.points) - 1))
        own = self.of_task[task]
        table[self.choice[own], self.program.interval[own]] = costs[len(self.tasks) + own]
        return table

    def bound(self, prices: Floats) -> float:
        """Return what no solution of the master is worth more than, by prices at least 0."""
        costs = self.costs(prices)
        beyond = costs[self.begin :]
        value = float(self.capacity @ prices)
        value += float(np.maximum(0.0, -beyond) @ self.program.linear.upper[self.begin :])  # rounding of prices
        gains = (
            task.weight - least_cost(task, self.points, np.maximum(0.0, self.price(costs, i)))
            for i, task in enumerate(self.tasks)
        )
        return value + math.fsum(max(0.0, gain) for gain in gains)

    def column_of(self, task: int, used: Floats) -> tuple[Ints, Floats]:
        """Rows and entries of a schedule that uses so many seconds, shape (degrees, intervals)."""
        own = self.of_task[task]
        seconds = used[self.choice[own], self.program.interval[own]]
        own, seconds = own[seconds > 0.0] + len(self.tasks), seconds[seconds > 0.0]
        counts = self.column_starts[own + 1] - self.column_starts[own]
        offset = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        entry = self.by_column[np.repeat(self.column_starts[own], counts) + offset]
        sums = np.bincount(self.row[entry], self.value[entry] * np.repeat(seconds, counts), len(self.capacity)).astype(
            np.float64
        )
        rows: Ints = np.flatnonzero(np.abs(sums) > 1e-12)
        return rows, sums[rows]


class _Master:
    """The linear program of the schedules made so far."""

    def __init__(self, rows: _Shared) -> None:
        import highspy

        self.rows, self.columns = rows, 0
        self._highs = highspy.Highs()
        for option, value in (("output_flag", False), ("threads", 1)):
            self._highs.setOptionValue(option, value)
        self._highs.changeObjectiveSense(highspy.ObjSense.kMaximize)
        none = np.array([], dtype=np.int32)
        capacity = np.concatenate([np.ones(len(rows.tasks)), rows.capacity])
        for limit in capacity.tolist():
            self._highs.addRow(-highspy.kHighsInf, limit, 0, none, np.array([]))
        linear = rows.program.linear
        for z in range(rows.begin, linear.size):
            entry = rows.by_column[rows.column_starts[z] : rows.column_starts[z + 1]]
            self._column(0.0, float(linear.upper[z]), rows.row[entry] + len(rows.tasks), rows.value[entry])

    def add(self, prices: Floats, worth: Floats) -> bool:
        """Add the cheapest schedule of each task at some prices where it pays at others; says whether any does.

        ``worth`` is what a task is worth already, the price of its row.
        """
        rows, added = self.rows, False
        costs = rows.costs(prices)
        for i, task in enumerate(rows.tasks):
            found = cheapest_schedule(task, rows.points, np.maximum(0.0, rows.price(costs, i)))
            if found is None or task.weight - worth[i] - found.cost <= _BETTER:
                continue
            row, value = rows.column_of(i, found.used(task, rows.points))
            everything = np.append(row + len(rows.tasks), i), np.append(value, 1.0)
            self._column(task.weight, math.inf, *everything)
            self.columns += 1
            added = True
        return added

    def solve(self) -> tuple[float, Floats, Floats]:
        """Value, prices of the shared rows, and what each task is worth."""
        value, dual = _run(self._highs)
        count = len(self.rows.tasks)
        return value, dual[count:], dual[:count]

    def _column(self, reward: float, upper: float, row: Ints, value: Floats) -> None:
        self._highs.addCol(reward, 0.0, upper, len(row), row.astype(np.int32), value)


def _run(highs: Any) -> tuple[float, Floats]:
    """Solve a linear program to maximize; return its value and the duals of its rows, at least 0."""
    import highspy

    highs.run()
    if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        raise BackendError(f"HiGHS ends with {highs.getModelStatus()} on a linear program that has an optimum")
    dual = np.array(highs.getSolution().row_dual, dtype=np.float64)
    return float(highs.getInfo().objective_function_value), np.maximum(0.0, dual)
