from __future__ import annotations

import numpy as np
import pytest

from executor.engine import Segment
from executor.records import Records
from experiments.results.layout import (
    DeadlineMark,
    Rectangle,
    blocks,
    busiest_window,
    deadline_marks,
    differing_window,
    merged,
    missed_deadlines,
    occupancy,
    rectangles,
)
from planner.request import Request
from profiles.shape import Shape


def test_rectangles_are_the_segments(records: Records) -> None:
    """Neighbouring GPUs make one rectangle for each segment, with its times and rows."""
    assert rectangles(records.segments) == [
        Rectangle((0,), 0, 1, 0.0, 1.0),
        Rectangle((0,), 0, 2, 1.0, 3.0),
        Rectangle((2,), 2, 2, 1.0, 4.0),
        Rectangle((1,), 0, 4, 4.0, 7.0),
        Rectangle((4, 5), 3, 1, 7.0, 8.0),
    ]


def test_groups_with_holes_are_split() -> None:
    """A group of GPUs 0, 1, 3, 6, 7 makes three rectangles of the same time."""
    assert blocks((7, 0, 1, 3, 6)) == [(0, 2), (3, 1), (6, 2)]
    split = rectangles([Segment((9,), (0, 1, 3, 6, 7), 1.0, 2.0, 1)])
    assert [(r.first, r.gpus) for r in split] == [(0, 2), (3, 1), (6, 2)]
    assert {(r.jobs, r.start, r.end) for r in split} == {((9,), 1.0, 2.0)}


def test_labels_join_across_short_gaps_only() -> None:
    """Rectangles of a request join over a short gap, but not over a long one or over somebody else's work."""
    row = [Rectangle((1,), 0, 2, 0.0, 1.0), Rectangle((1,), 0, 2, 1.1, 2.0), Rectangle((1,), 0, 2, 4.0, 5.0)]
    assert merged(row, 0.5) == [Rectangle((1,), 0, 2, 0.0, 2.0), row[2]]
    between = Rectangle((2,), 1, 1, 1.0, 1.1)
    assert merged([*row[:2], between], 0.5) == [row[0], between, row[1]]


def test_deadlines_lie_on_the_rows_held_last(records: Records) -> None:
    """The mark is on the GPUs of the last segment begun before the deadline, and on none if there was none."""
    assert deadline_marks(records, (0.0, 100.0)) == [
        DeadlineMark(0, 4.0, False, ((0, 2),)),
        DeadlineMark(1, 5.0, True, ((0, 4),)),
        DeadlineMark(2, 3.0, True, ((2, 2),)),
        DeadlineMark(3, 4.0, True, ()),
        DeadlineMark(4, 9.0, False, ((3, 1),)),
    ]
    assert [mark.request for mark in deadline_marks(records, (4.5, 9.0))] == [1, 4]
    assert missed_deadlines(records).tolist() == [5.0, 3.0, 4.0]


def test_occupancy_adds_up_to_the_gpu_seconds(records: Records) -> None:
    """Bins of a second hold the busy GPUs of each degree, and in all the run's 24 GPU-seconds."""
    busy = occupancy(records.segments, np.arange(0.0, 11.0))
    assert list(busy) == [1, 2, 4]
    assert busy[1].tolist() == pytest.approx([1, 0, 0, 0, 0, 0, 0, 1, 0, 0])
    assert busy[2].tolist() == pytest.approx([0, 4, 4, 2, 0, 0, 0, 0, 0, 0])
    assert sum(level.sum() for level in busy.values()) == pytest.approx(24.0)


def test_the_busiest_window_is_where_the_work_is() -> None:
    """Of a quiet run with one burst, the window shows the burst; a short run is shown whole."""
    arrivals = [0.0, 100.0, 200.0, 201.0, 202.0, 203.0, 400.0]
    requests = tuple(Request(i, Shape(256, 256), 1, at, at + 9.0) for i, at in enumerate(arrivals))
    segments = [Segment((r.id,), (0, 1), r.arrival, r.arrival + 0.5, 1) for r in requests]
    start, end = busiest_window(Records(requests, segments=segments), 2, 10.0)
    assert end - start == 10.0
    assert start <= 200.0 <= 203.5 <= end
    assert busiest_window(Records(requests[:1], segments=segments[:1]), 2, 10.0) == (0.0, 1.0)


def test_the_differing_window_holds_the_deadlines_that_one_run_lost() -> None:
    """Of a long run it is the window with most fates that differ; of equal runs, the busiest."""
    requests = tuple(Request(i, Shape(256, 256), 1, 10.0 * i, 10.0 * i + 5.0) for i in range(20))
    segments = [Segment((r.id,), (0,), r.arrival, r.arrival + 1.0, 1) for r in requests]
    on_time = {r.id: r.arrival + 1.0 for r in requests}
    good = Records(requests, on_time, segments=segments, ended=191.0, complete=True)
    bad = Records(requests, on_time | {12: 126.0, 13: 136.0}, segments=segments, ended=191.0, complete=True)
    start, end = differing_window([good, bad], 1, 30.0)
    assert end - start == 30.0
    assert start <= 125.0 and end >= 135.0
    assert differing_window([good, good], 1, 30.0) == busiest_window(good, 1, 30.0)


def test_windows_need_no_memory_by_the_clock() -> None:
    """A run that ends at second 1e12 has its window where the requests are, as on a short clock."""
    far = 1e12
    requests = tuple(Request(i, Shape(256, 256), 1, at, at + 5.0) for i, at in enumerate((5.0, far)))
    segments = [Segment((0,), (0,), 5.0, 8.0, 1), Segment((1,), (0, 1), far, far + 4.0, 1)]
    start, end = busiest_window(Records(requests, segments=segments), 2, 10.0)
    assert start <= far < far + 4.0 <= end
    good = Records(requests, {0: 8.0, 1: far + 4.0}, segments=segments, ended=far + 20.0, complete=True)
    bad = Records(requests, {0: 8.0, 1: far + 6.0}, segments=segments, ended=far + 20.0, complete=True)
    start, end = differing_window([good, bad], 2, 10.0)
    assert start <= far + 5.0 <= end
