"""The deadline-interval program: how long each task runs at each degree between consecutive points in time.

Within an interval between two points (releases and deadlines) nothing changes, so only durations matter:

    t[i,k,I] >= 0 seconds of task i at degree k in interval I;   y[i] in {0, 1}: task i is done when it is due
    sum_k t[i,k,I]                  <= (seconds of I in which i may run) * y[i]     one thing at a time
    sum_{i,k} k t[i,k,I]            <= GPU-seconds of I
    sum_{k,I} t[i,k,I] / (S_i T_i(k)) >= y[i]                                       all S_i steps done
    maximize sum_i w_i y_i  -  sum price[I] k t[i,k,I]

Every schedule of whole steps without batches is a feasible point, so the optimum bounds all of them (price 0). The
factor y[i] in the first kind of row changes no integral point and makes the relaxation much tighter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.outcomes import Floats, Ints
from planner.programs.linear import LinearProgram
from planner.setters import setters_of

PAUSED = -1
"""Degree of a task that has stopped: who knows whether its GPUs will be free when it goes on."""


@dataclass(frozen=True, slots=True, init=False)
class Task:
    """Steps that must be done between two times.

    Parameters
    ----------
    release, due
        Seconds.
    steps
        Steps to do.
    degrees, seconds
        Degrees on offer, ascending, and seconds per step at each.
    weight
        What it is worth to be done when due; must be positive.
    held
        The degree at which it runs, 0 before its first step, :data:`PAUSED` when it has stopped.
    move
        Seconds that it loses when it goes on at another degree than ``held``. The program counts moves as free, and so its
        bound is one whatever they cost; list schedules count them.
    decode
        Seconds that one GPU takes for its image after its last step, where GPUs of the cluster decode. It may end after
        ``due`` by as much.
    """

    release: float
    due: float
    steps: int
    degrees: tuple[int, ...]
    seconds: tuple[float, ...]
    weight: float
    held: int
    move: float
    decode: float

    def __init__(  # made often in every decision
        self,
        release: float,
        due: float,
        steps: int,
        degrees: tuple[int, ...],
        seconds: tuple[float, ...],
        weight: float = 1.0,
        held: int = 0,
        move: float = 0.0,
        decode: float = 0.0,
    ) -> None:
        _set_release(self, release)
        _set_due(self, due)
        _set_steps(self, steps)
        _set_degrees(self, degrees)
        _set_seconds(self, seconds)
        _set_weight(self, weight)
        _set_held(self, held)
        _set_move(self, move)
        _set_decode(self, decode)


(
    _set_release,
    _set_due,
    _set_steps,
    _set_degrees,
    _set_seconds,
    _set_weight,
    _set_held,
    _set_move,
    _set_decode,
) = setters_of(Task)


@dataclass(frozen=True, slots=True)
class ImageColumns:
    """Columns of a program that are seconds of images (:mod:`planner.programs.images`).

    Parameters
    ----------
    task, interval
        Of each such column.
    first
        The first of them; the others follow.
    """

    task: tuple[int, ...] = ()
    interval: tuple[int, ...] = ()
    first: int = 0


@dataclass(frozen=True, slots=True)
class Intervals:
    """A deadline-interval program, and which column is what.

    Parameters
    ----------
    linear
        The arrays; the first columns are the y, one per task, then the t.
    task, interval, degree
        Of each column t, shape (n - tasks,): task, interval, GPUs.
    speed
        Steps per second of each column t.
    tallies
        Rows that say what a variable beyond the t adds up to, as ``sum - variable <= 0``
        (:mod:`planner.programs.concurrency`).
    images
        Columns for images, where GPUs of the cluster decode.
    """

    linear: LinearProgram
    task: Ints
    interval: Ints
    degree: Ints
    speed: Floats
    tallies: tuple[int, ...] = ()
    images: ImageColumns = ImageColumns()


def interval_program(
    tasks: Sequence[Task], points: Floats, gpu_seconds: Floats, price: Floats | None = None, must: bool = False
) -> Intervals:
    """Build the program.

    Parameters
    ----------
    tasks
        In any order; each release must lie before its due time.
    points
        Ascending times, shape (m + 1,). Every due time must be one of them; a release may lie inside an interval, whose
        rest is then what the task can use of it.
    gpu_seconds
        GPU-seconds to be had in each interval, shape (m,).
    price
        Per GPU-second in each interval, shape (m,); none by default.
    must
        Fix every y to 1: the program is then a linear one, feasible when all tasks can be done.
    """
    count = len(tasks)
    release = np.array([task.release for task in tasks])
    due = np.array([task.due for task in tasks])
    first = np.searchsorted(points, release, side="right") - 1
    last = np.searchsorted(points, due, side="left")
    spans = np.maximum(last - first, 0)
    pair_task = np.repeat(np.arange(count), spans)
    pair_interval = np.arange(len(pair_task)) - np.repeat(np.cumsum(spans) - spans - first, spans)
    usable = points[pair_interval + 1] - np.maximum(points[pair_interval], release[pair_task])
    widths = np.array([len(task.degrees) for task in tasks], dtype=np.int64)
    pair_width = widths[pair_task]
    pairs = np.repeat(np.arange(len(pair_task)), pair_width)
    column_task = pair_task[pairs]
    column_interval = pair_interval[pairs]
    all_degrees = np.array([degree for task in tasks for degree in task.degrees], dtype=np.int64)
    all_speeds = 1.0 / np.array([seconds for task in tasks for seconds in task.seconds], dtype=np.float64)
    offset = np.arange(len(pairs)) - np.repeat(np.cumsum(pair_width) - pair_width, pair_width)
    lookup = (np.cumsum(widths) - widths)[column_task] + offset
    degree, speed = all_degrees[lookup], all_speeds[lookup]
    columns = count + np.arange(len(pairs))
    steps = np.array([task.steps for task in tasks], dtype=np.float64)
    length = points[1:] - points[:-1]

    # rows: done (one per task), one at a time (one per pair), GPUs (one per interval)
    rows = np.concatenate([
        column_task, np.arange(count), count + pairs, count + np.arange(len(pair_task)),
        count + len(pair_task) + column_interval,
    ])  # fmt: skip
    entries_columns = np.concatenate([columns, np.arange(count), columns, pair_task, columns])
    entries = np.concatenate([
        -speed / steps[column_task], np.ones(count), np.ones(len(pairs)), -usable, degree.astype(np.float64),
    ])  # fmt: skip
    order = np.argsort(rows, kind="stable")
    total_rows = count + len(pair_task) + len(length)
    row_starts = np.zeros(total_rows + 1, dtype=np.int64)
    np.cumsum(np.bincount(rows, minlength=total_rows), out=row_starts[1:])
    capacity = np.concatenate([np.zeros(count + len(pair_task)), gpu_seconds])
    weights = np.array([task.weight for task in tasks], dtype=np.float64)
    costs = np.zeros(len(pairs)) if price is None else -price[column_interval] * degree
    integer = np.zeros(count + len(pairs), dtype=np.bool_)
    integer[:count] = not must
    lower = np.zeros(count + len(pairs))
    lower[:count] = float(must)
    linear = LinearProgram(
        rewards=np.concatenate([weights, costs]),
        row_starts=row_starts,
        columns=entries_columns[order],
        coefficients=entries[order],
        capacity=capacity,
        lower=lower,
        upper=np.concatenate([np.ones(count), usable[pairs]]),
        integer=integer,
        start=np.zeros(count + len(pairs)),
    )
    return Intervals(linear, column_task, column_interval, degree, speed)
