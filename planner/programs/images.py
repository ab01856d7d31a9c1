"""GPU time that the deadline-interval program lacks where GPUs of the cluster decode: one of them for each image.

A request that is on time has its image made after its last step, by one GPU, and before its deadline. With x[i,I] seconds of
it in interval I, for the intervals between the earliest end of its steps and its deadline,

    sum_I x[i,I]  >=  decode[i] y[i],      and in each interval the x are GPU-seconds as all others.

What an image may take after the last point is asked for by nobody. Every schedule in which one GPU of the group that ended a
task goes on with its image keeps these rows, so a bound with them is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from planner.outcomes import Floats
from planner.programs.intervals import ImageColumns, Intervals, Task

_TRIFLE = 1e-9
"""Seconds of an image that count for nothing."""


def with_images(program: Intervals, tasks: Sequence[Task], points: Floats) -> Intervals:
    """Append columns and rows for the images of tasks; where none takes any GPU, the program stays as it is.

    Parameters
    ----------
    program
        As :func:`planner.programs.intervals.interval_program` has made it.
    tasks, points
        Of which.
    """
    if not any(task.decode for task in tasks):
        return program
    linear, intervals = program.linear, len(points) - 1
    owner: list[int] = []
    interval: list[int] = []
    room: list[float] = []
    needed: dict[int, float] = {}
    for i, task in enumerate(tasks):
        first, last = earliest_image(task), task.due + task.decode
        must = seconds_within(task, float(points[-1]))
        if must <= _TRIFLE:
            continue
        needed[i] = must
        for at in range(max(0, int(np.searchsorted(points, first, side="right")) - 1), intervals):
            seconds = min(float(points[at + 1]), last) - max(float(points[at]), first)
            if seconds <= 0:
                break
            owner.append(i)
            interval.append(at)
            room.append(seconds)
    if not needed:
        return program
    count, size, rows = len(owner), linear.size, linear.rows
    row_of = {i: rows + at for at, i in enumerate(needed)}
    columns = size + np.arange(count)
    counted = rows - intervals + np.array(interval, dtype=np.int64)  # the rows of GPUs are the last ones
    made = np.array([row_of[i] for i in owner], dtype=np.int64)
    all_rows = np.concatenate([
        np.repeat(np.arange(rows), np.diff(linear.row_starts)), counted, made, np.array(list(row_of.values())),
    ])  # fmt: skip
    all_columns = np.concatenate([linear.columns, columns, columns, np.array(list(needed), dtype=np.int64)])
    values = np.concatenate([linear.coefficients, np.ones(count), -np.ones(count), np.array(list(needed.values()))])
    order = np.argsort(all_rows, kind="stable")
    row_starts = np.zeros(rows + len(needed) + 1, dtype=np.int64)
    np.cumsum(np.bincount(all_rows, minlength=rows + len(needed)), out=row_starts[1:])
    extended = replace(
        linear,
        rewards=np.append(linear.rewards, np.zeros(count)),
        row_starts=row_starts,
        columns=all_columns[order],
        coefficients=values[order],
        capacity=np.append(linear.capacity, np.zeros(len(needed))),
        lower=np.append(linear.lower, np.zeros(count)),
        upper=np.append(linear.upper, room),
        integer=np.append(linear.integer, np.zeros(count, dtype=np.bool_)),
        start=np.append(linear.start, np.zeros(count)),
    )
    images = ImageColumns(tuple(owner), tuple(interval), size)
    return replace(program, linear=extended, images=images)


def seconds_within(task: Task, end: float) -> float:
    """Return the seconds of a task's image that cannot be made after a time."""
    return max(0.0, task.decode - max(0.0, task.due + task.decode - end))


def earliest_image(task: Task) -> float:
    """Return when a task's image can begin at the earliest."""
    return task.release + task.steps * task.seconds[-1]


def fill_images(
    program: Intervals, tasks: Sequence[Task], points: Sequence[float], ends: dict[int, float], x: Floats
) -> None:
    """Set the columns of images in a point: each is made right after its task's last step.

    Parameters
    ----------
    program, tasks, points
        As in :func:`with_images`.
    ends
        When the steps of each task that is done end.
    x
        The point; changed in place.
    """
    images = program.images
    for place, (i, at) in enumerate(zip(images.task, images.interval, strict=True)):
        if i in ends:
            begins, over = ends[i], ends[i] + tasks[i].decode
            x[images.first + place] = max(0.0, min(over, points[at + 1]) - max(begins, points[at]))
