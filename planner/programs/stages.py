"""Rows that the deadline-interval program lacks where texts and images take time: workers for stages do one at a time.

A request that is on time has its text encoded and its image decoded between its arrival and its deadline, the text before
its steps and the image after them. W workers have W (b - a) seconds for all that must be done within a window [a, b]:

    sum of seconds[p] y[i(p)]  over pieces p with  first[p] >= a  and  last[p] <= b      <=    W (b - a)

Every schedule keeps these rows, in whatever order it takes texts and images, so a bound with them is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from planner.programs.intervals import Intervals

_MOST = 2000
"""Rows that a program gets at most: those that leave out most."""


@dataclass(frozen=True, slots=True)
class StageWork:
    """A text or an image that a task needs to be on time.

    Parameters
    ----------
    task
        Index of the task.
    first, last
        Seconds between which it must be done.
    seconds
        What it takes.
    """

    task: int
    first: float
    last: float
    seconds: float


def with_stages(program: Intervals, work: Sequence[StageWork], workers: int) -> Intervals:
    """Append the rows that not all tasks together keep.

    Parameters
    ----------
    program
        A program without them.
    work
        Texts and images of its tasks.
    workers
        How many do them.
    """
    ordered = sorted((piece for piece in work if piece.seconds > 0), key=lambda piece: piece.last)
    first, last, seconds = (
        np.array([getattr(piece, name) for piece in ordered]) for name in ("first", "last", "seconds")
    )
    rows: list[tuple[float, float, int]] = []
    for begin in np.unique(first):
        excess = np.cumsum(np.where(first >= begin, seconds, 0.0)) - workers * (last - begin)
        final = np.r_[last[1:] > last[:-1], True]
        found = np.flatnonzero(final & (excess > 0) & (last > begin))
        rows += [(-float(excess[end]), float(begin), int(end)) for end in found]
    linear = program.linear
    columns, values, lengths, capacity = [], [], [], []
    for _, begin, end in sorted(rows)[:_MOST]:
        row: dict[int, float] = {}
        for piece in ordered[: end + 1]:
            if piece.first >= begin:
                row[piece.task] = row.get(piece.task, 0.0) + piece.seconds
        columns += list(row)
        values += list(row.values())
        lengths.append(len(row))
        capacity.append(workers * (float(last[end]) - begin))
    if not lengths:
        return program
    extended = replace(
        linear,
        row_starts=np.concatenate([linear.row_starts, linear.row_starts[-1] + np.cumsum(lengths)]),
        columns=np.concatenate([linear.columns, np.array(columns, dtype=linear.columns.dtype)]),
        coefficients=np.concatenate([linear.coefficients, values]),
        capacity=np.concatenate([linear.capacity, capacity]),
    )
    return replace(program, linear=extended)
