"""How large a lookahead program is at most, known before it is built."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from planner.effort import CARRY_OUT, LIST_START, Size
from planner.programs.concurrency import has_level
from planner.programs.intervals import Task
from planner.round import Round


def size_of(tasks: Sequence[Task], round_: Round) -> Size:
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
    build = LIST_START(variables + rows + nonzeros)
    return Size(variables, rows, nonzeros, True, build, CARRY_OUT(count * min(count, cluster.gpus)))
