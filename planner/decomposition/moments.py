"""All rows on what can run at one moment, made as they are broken.

At any moment the jobs that run, with their degrees, are a *choice*: at most one degree per job, no more GPUs than there
are. In an interval I, durations t[i,k] are those of some order of choices exactly if choices c exist that last z_c seconds
with

    sum of z_c over the choices in which i runs on k  >=  t[i,k],        sum_c z_c <= |I|

and otherwise, by duality, there are weights p[i,k] >= 0 with

    sum p[i,k] t[i,k]  >  |I| max_c p(c)

So the rows sum p t <= |I| max_c p(c), for all weights, are all that a moment has to say; the rows on GPU-seconds and on
concurrency (:mod:`planner.programs.concurrency`) are some of them. The most valuable choice is a knapsack with one item per
job. A program whose point keeps them all is the optimum of schedules that may stop, move and widen at any time, also within
a step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from planner.backends.protocol import Backend, BackendError
from planner.outcomes import Floats, Ints
from planner.programs.intervals import Intervals
from planner.programs.linear import LinearProgram

_SLACK = 1e-6
"""Share of an interval by which durations may exceed it."""
_CHOICES = 500
"""Choices made for one interval, at most."""


@dataclass(frozen=True, slots=True)
class Row:
    """Durations that a moment limits together: ``coefficients @ x[columns] <= capacity``."""

    columns: Ints
    coefficients: Floats
    capacity: float


@dataclass(frozen=True, slots=True)
class MomentBound:
    """The value of a program with all rows on moments.

    Parameters
    ----------
    first
        Proven upper bound without them.
    upper
        Proven upper bound with those that were made; at most ``first``.
    tasks
        Positions of the tasks that the last point serves.
    rows
        How many were made.
    closed
        Whether the last point is optimal and keeps all rows on moments: no further one can lower the bound.
    """

    first: float
    upper: float
    tasks: tuple[int, ...]
    rows: int
    closed: bool


def moment_bound(
    program: Intervals, tasks: int, gpus: int, seconds: Floats, solver: Backend, budget: float, rounds: int = 30
) -> tuple[MomentBound, Intervals]:
    """Solve a program, and again with the rows on moments that its point breaks, until it breaks none.

    Parameters
    ----------
    program, tasks
        Rows on concurrency may be in it or not; how many tasks it has.
    gpus, seconds
        How many there are, and the length of each interval, shape (m,).
    solver, budget
        Of programs, and its budget in seconds for each.
    rounds
        Programs to solve at most.

    Returns
    -------
    MomentBound, Intervals
        What was found, and the program with the rows made.

    Raises
    ------
    BackendError
        If the solver finds neither a point nor a bound in its budget.
    """
    first = upper = math.inf
    made = 0
    served: tuple[int, ...] = ()
    for _ in range(rounds):
        answer = solver.solve(program.linear, budget)
        if answer.bound is None or answer.x is None:
            raise BackendError(f"{solver.name} finds no point and bound in {budget:g} s; give it more")
        upper = min(upper, whole(program.linear.rewards[:tasks], answer.bound))
        first = first if made else upper
        served = tuple(np.flatnonzero(answer.x[:tasks] > 0.5).tolist())
        rows = broken(program, answer.x, tasks, gpus, seconds)
        if answer.status != "optimal" or not rows:
            return MomentBound(first, upper, served, made, answer.status == "optimal"), program
        made += len(rows)
        program = replace(program, linear=extended(program.linear, rows))
    return MomentBound(first, upper, served, made, False), program


def broken(program: Intervals, x: Floats, tasks: int, gpus: int, seconds: Floats) -> list[Row]:
    """Return a row for each interval in which a point's durations are not those of choices."""
    used = x[tasks : tasks + len(program.task)]
    rows = []
    for interval in np.flatnonzero(np.bincount(program.interval[used > 1e-7], minlength=len(seconds)) > 1):
        own = np.flatnonzero((program.interval == interval) & (used > 1e-7))
        found = weights(program.task[own], program.degree[own], used[own], gpus, float(seconds[interval]))
        if found is not None:
            rows.append(Row(tasks + own, found[0], found[1] * float(seconds[interval])))
    return rows


def weights(task: Ints, degree: Ints, used: Floats, gpus: int, length: float) -> tuple[Floats, float] | None:
    """Return weights of durations that no choices of an interval's length can keep, and the most that a choice weighs.

    Parameters
    ----------
    task, degree, used
        Of each duration, shape (n,).
    gpus, length
        How many there are, and seconds of the interval.

    Returns
    -------
    tuple or None
        None where choices that last no longer than the interval keep the durations.
    """
    items = [[(int(degree[at]), int(at)) for at in np.flatnonzero(task == own)] for own in np.unique(task)]
    if sum(max(size for size, _ in own) for own in items) <= gpus and all(
        math.fsum(float(used[at]) for _, at in own) <= length * (1.0 + _SLACK) for own in items
    ):
        return None
    import highspy

    none = np.array([], dtype=np.int32)
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("threads", 1)
    for seconds in used.tolist():
        highs.addRow(seconds, highspy.kHighsInf, 0, none, np.array([]))
    choices = [[at] for at in range(len(used))]
    for _ in range(_CHOICES):
        for choice in choices:
            highs.addCol(
                1.0, 0.0, highspy.kHighsInf, len(choice), np.array(choice, dtype=np.int32), np.ones(len(choice))
            )
        highs.run()
        if highs.getInfo().objective_function_value <= length * (1.0 + _SLACK):
            return None
        weight = np.maximum(0.0, np.array(highs.getSolution().row_dual))
        best, choice = heaviest(items, weight, gpus)
        if float(weight @ used) > best * length * (1.0 + _SLACK):
            return weight, best
        choices = [choice]
    return None


def heaviest(items: Sequence[Sequence[tuple[int, int]]], weight: Floats, gpus: int) -> tuple[float, list[int]]:
    """Return the most valuable choice: at most one (GPUs, position) of each list, as its weight and positions."""
    best = np.zeros(gpus + 1)
    picks = []
    for own in items:
        better, picked = best.copy(), np.full(gpus + 1, -1)
        for size, at in own:
            if size <= gpus:
                offer = best[: gpus + 1 - size] + weight[at]
                wins = offer > better[size:]
                better[size:][wins] = offer[wins]
                picked[size:][wins] = at
        best = better
        picks.append(picked)
    sizes = {at: size for own in items for size, at in own}
    left, choice = gpus, []
    for picked in reversed(picks):
        if (at := int(picked[left])) >= 0:
            choice.append(at)
            left -= sizes[at]
    return float(best[gpus]), choice


def whole(rewards: Floats, bound: float) -> float:
    """Round a bound down to whole tasks where all weigh the same."""
    unit = float(rewards[0])
    return unit * math.floor(bound / unit + 1e-6 * len(rewards)) if np.all(rewards == unit) else bound


def extended(linear: LinearProgram, rows: Sequence[Row]) -> LinearProgram:
    """Return a program with more rows."""
    ends = linear.row_starts[-1] + np.cumsum([len(row.columns) for row in rows])
    return replace(
        linear,
        row_starts=np.concatenate([linear.row_starts, ends]),
        columns=np.concatenate([linear.columns, *(row.columns for row in rows)]),
        coefficients=np.concatenate([linear.coefficients, *(row.coefficients for row in rows)]),
        capacity=np.concatenate([linear.capacity, [row.capacity for row in rows]]),
    )
