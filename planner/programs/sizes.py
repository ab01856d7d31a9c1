"""How large a lookahead program is at most, known before it is built."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from planner.effort import CARRY_OUT, LIST_START, Size
from planner.programs.concurrency import has_level
from planner.programs.images import earliest_image
from planner.programs.intervals import Task
from planner.round import Round


def size_of(tasks: Sequence[Task], round_: Round) -> Size:
    """Count what :func:`planner.programs.intervals.interval_program` and the rows on concurrency would make."""
    points = sorted({round_.now, *(task.due for task in tasks)})
    pairs = columns = images = 0
    for task in tasks:
        span = max(0, bisect_left(points, task.due) - bisect_right(points, task.release) + 1)
        pairs += span
        columns += span * len(task.degrees)
        if task.decode:
            images += max(0, len(points) - bisect_right(points, earliest_image(task)) + 1)
    count, intervals = len(tasks), len(points) - 1
    cluster = round_.cluster
    sizes = sum(has_level(cluster.gpus, size) for size in cluster.degrees)
    variables = count + columns + images + sizes * intervals + 1
    rows = count + pairs + intervals + sizes * (pairs + intervals) + count + (count if images else 0)
    nonzeros = count + pairs + 3 * columns + sizes * (columns + pairs + intervals) + 2 * count
    nonzeros += 2 * images + (count if images else 0)
    build = LIST_START(variables + rows + nonzeros)
    return Size(variables, rows, nonzeros, True, build, CARRY_OUT(count * min(count, cluster.gpus)))
