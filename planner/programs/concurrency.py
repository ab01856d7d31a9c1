"""Rows that the deadline-interval program lacks: GPUs that run one task cannot, at that time, be part of a larger group.

The program counts GPU-seconds per interval, so it may run one task on all GPUs for half of an interval and another on
one GPU for all of it: nine GPUs at once. While task j runs on fewer than m GPUs, and N is a multiple of m, at most
N / m - 1 groups of m GPUs are left for the others. With floor(k / m) groups of m in one of k GPUs, at any time

    sum over the others of floor(k / m)  +  [j runs on fewer than m]  +  floor(k_j / m)   <=   N / m

and so, integrated over an interval, for every task j and every group size m > 1:

    z[m,I] = sum_{i,k>=m} floor(k / m) t[i,k,I],      z[m,I] + sum_{k<m} t[j,k,I] <= N / m * |I|

Every schedule on disjoint groups keeps these rows, aligned or not, so a bound with them is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from planner.outcomes import Floats, Ints
from planner.programs.intervals import Intervals

_MOST_GROUPS = 4
"""Of a size with more groups than this on the cluster, one group less is no loss worth a row."""


@dataclass(frozen=True, slots=True)
class GroupLimit:
    """A group size, and how many such groups there are for how long.

    Parameters
    ----------
    size
        GPUs of a group, above 1.
    group_seconds
        Groups times seconds to be had in each interval, shape (m,).
    """

    size: int
    group_seconds: Floats


def has_level(gpus: int, size: int) -> bool:
    """Whether groups of this size get rows on this many GPUs."""
    return size > 1 and gpus % size == 0 and gpus // size <= _MOST_GROUPS


def levels(gpus: int, degrees: Sequence[int], points: Floats, busy_until: Sequence[float] = ()) -> list[GroupLimit]:
    """Return the group sizes at which running on fewer GPUs can stand in the way of others.

    Parameters
    ----------
    gpus, degrees
        Of the cluster.
    points
        Ascending times, shape (m + 1,).
    busy_until
        Until when GPUs do steps that cannot be interrupted, one time per such GPU.
    """
    times: list[float] = points.tolist()
    ends = sorted(end for end in busy_until if end > times[0])
    sizes = [size for size in degrees if has_level(gpus, size)]
    return [GroupLimit(size, np.array(group_seconds(gpus, size, times, ends))) for size in sizes]


def group_seconds(gpus: int, size: int, points: Sequence[float], ends: Sequence[float]) -> list[float]:
    """Groups of a size times seconds in each interval between points, less those of GPUs that are busy until ``ends``."""
    seconds = [gpus // size * (after - before) for before, after in pairwise(points)]
    begin = points[0]
    for at, end in enumerate(ends):
        lost = gpus // size - -(-(gpus - len(ends) + at) // size)
        if lost and end > begin:
            for i in range(len(seconds)):
                overlap = min(points[i + 1], end) - max(points[i], begin)
                if overlap > 0:
                    seconds[i] -= lost * overlap
        begin = end
    return seconds


def with_levels(program: Intervals, tasks: int, sizes: Sequence[GroupLimit]) -> Intervals:
    """Append the rows, with one variable z for each size and interval where several tasks may run.

    Parameters
    ----------
    program
        A program without them.
    tasks
        How many it has.
    sizes
        From :func:`levels`.
    """
    if not sizes or not len(program.task):
        return program
    linear = program.linear
    columns = tasks + np.arange(len(program.task))
    pair = program.interval * tasks + program.task
    intervals = len(sizes[0].group_seconds)
    there = np.bincount(pair, minlength=intervals * tasks).reshape(intervals, tasks) > 0
    several = there.sum(axis=1) > 1
    size, rows = linear.size, linear.rows
    parts: list[_Rows] = []
    uppers: list[Floats] = []
    tallies: list[int] = []
    for level in sizes:
        wide = program.degree >= level.size
        here = several & (np.bincount(program.interval[wide], minlength=len(several)) > 0)
        where = np.flatnonzero(here)
        z = np.full(len(several), -1)
        z[where] = size + np.arange(len(where))
        held, narrow = wide & here[program.interval], ~wide & here[program.interval]
        groups = (program.degree[held] // level.size).astype(np.float64)
        parts.append(_rows(program.interval[held], columns[held], groups, z, -1.0, np.zeros(len(z))))
        alone, seconds = np.repeat(z, tasks), np.repeat(level.group_seconds, tasks)
        parts.append(_rows(pair[narrow], columns[narrow], np.ones(narrow.sum()), alone, 1.0, seconds))
        uppers.append(level.group_seconds[where])
        tallies += range(rows, rows + len(where))
        size += len(where)
        rows += len(where) + len(parts[-1].lengths)
    more = size - linear.size
    ends = linear.row_starts[-1] + np.cumsum(np.concatenate([part.lengths for part in parts]))
    extended = replace(
        linear,
        rewards=np.append(linear.rewards, np.zeros(more)),
        row_starts=np.concatenate([linear.row_starts, ends]),
        columns=np.concatenate([linear.columns, *(part.columns for part in parts)]),
        coefficients=np.concatenate([linear.coefficients, *(part.values for part in parts)]),
        capacity=np.concatenate([linear.capacity, *(part.capacity for part in parts)]),
        lower=np.append(linear.lower, np.zeros(more)),
        upper=np.concatenate([linear.upper, *uppers]),
        integer=np.append(linear.integer, np.zeros(more, dtype=np.bool_)),
        start=np.append(linear.start, np.zeros(more)),
    )
    return replace(program, linear=extended, tallies=tuple(tallies))


class _Rows(NamedTuple):
    """Several rows: the entries of all of them, entries of each, right-hand side of each."""

    columns: Ints
    values: Floats
    lengths: Ints
    capacity: Floats


def _rows(keys: Ints, columns: Ints, values: Floats, first: Ints, value: float, capacity: Floats) -> _Rows:
    """Make a row of the entries of each key, with ``value`` in column ``first[key]`` before them."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.ones(len(keys), dtype=np.bool_)
    starts[1:] = ordered[1:] != ordered[:-1]
    begins = np.flatnonzero(starts)
    found = ordered[begins]
    heads = begins + np.arange(len(begins))
    others = np.arange(len(keys)) + np.cumsum(starts)
    all_columns = np.empty(len(keys) + len(begins), dtype=np.int64)
    all_values = np.empty(len(all_columns))
    all_columns[heads], all_columns[others] = first[found], columns[order]
    all_values[heads], all_values[others] = value, values[order]
    lengths = np.append(begins[1:], len(keys)) - begins + 1
    return _Rows(all_columns, all_values, lengths[: len(begins)], capacity[found])


def complete(program: Intervals, point: Floats) -> Floats:
    """Return a point with the variables z set to what the durations add up to."""
    result = point.copy()
    for row in program.tallies:
        columns, values = program.linear.row(row)
        result[columns[0]] = values[1:] @ result[columns[1:]]
    return result
