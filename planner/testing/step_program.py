"""The step-level program: when every step of every request begins, and on how many GPUs. For tiny instances.

Time is cut into ticks; a step of T seconds takes ``ceil(T / tick)`` of them, so every point is a real schedule on
counted GPUs, and the program is exact where the tick divides all step times:

    x[i,k,t] in {0, 1}: request i begins a step on k GPUs at tick t;  y[i] in {0, 1}: all of its steps end in time
    sum over the steps of i in progress at t of x <= 1                one step at a time
    sum over all steps in progress at t of k x    <= N                GPUs
    sum_{k,t} x[i,k,t]                            >= S_i y[i]         all steps done
    maximize sum_i w_i y_i

Steps of one request are alike and in order, so they need no number of their own. It has some R K T variables: a ground
truth to test against, not a way to plan.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.outcomes import Ints
from planner.programs.intervals import Task
from planner.programs.linear import LinearProgram


@dataclass(frozen=True, slots=True)
class StepProgram:
    """The program, and which column is what.

    Parameters
    ----------
    linear
        The arrays; the first columns are the y, one per task, then the x.
    task, degree, tick, ticks
        Of each column x, shape (n - tasks,): the task, GPUs, the tick at which the step begins, and how many it takes.
    """

    linear: LinearProgram
    task: Ints
    degree: Ints
    tick: Ints
    ticks: Ints


def step_program(tasks: Sequence[Task], gpus: int, tick: float) -> StepProgram:
    """Build the program.

    Parameters
    ----------
    tasks
        Releases are rounded up to ticks, due times down.
    gpus
        How many there are.
    tick
        Seconds.
    """
    count = len(tasks)
    columns: list[tuple[int, int, int, int]] = []
    for i, task in enumerate(tasks):
        first, last = math.ceil(task.release / tick - 1e-6), math.floor(task.due / tick + 1e-6)
        for degree, seconds in zip(task.degrees, task.seconds, strict=True):
            length = math.ceil(seconds / tick - 1e-6)
            columns += [(i, degree, at, length) for at in range(first, last - length + 1)]
    rows: list[list[tuple[int, float]]] = []
    capacity: list[float] = []
    busy: dict[tuple[int, int], list[tuple[int, float]]] = {}
    used: dict[int, list[tuple[int, float]]] = {}
    done: list[list[tuple[int, float]]] = [[(i, float(task.steps))] for i, task in enumerate(tasks)]
    for at, (i, degree, begin, length) in enumerate(columns):
        column = count + at
        done[i].append((column, -1.0))
        for moment in range(begin, begin + length):
            busy.setdefault((i, moment), []).append((column, 1.0))
            used.setdefault(moment, []).append((column, float(degree)))
    for group, limit in ((done, 0.0), (busy.values(), 1.0), (used.values(), float(gpus))):
        for row in group:
            rows.append(row)
            capacity.append(limit)
    size = count + len(columns)
    linear = LinearProgram(
        rewards=np.concatenate([np.array([task.weight for task in tasks], dtype=np.float64), np.zeros(len(columns))]),
        row_starts=np.cumsum([0, *map(len, rows)], dtype=np.int64),
        columns=np.array([column for row in rows for column, _ in row], dtype=np.int64),
        coefficients=np.array([value for row in rows for _, value in row], dtype=np.float64),
        capacity=np.array(capacity, dtype=np.float64),
        lower=np.zeros(size),
        upper=np.ones(size),
        integer=np.ones(size, dtype=np.bool_),
        start=np.zeros(size),
    )
    table = np.array(columns, dtype=np.int64).reshape(-1, 4)
    return StepProgram(linear, table[:, 0], table[:, 1], table[:, 2], table[:, 3])
