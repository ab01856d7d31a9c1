"""Idle GPUs while requests wait."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from executor.engine import Segment, Staged
from executor.records import Records
from experiments.results.idle import Idle, idle_while_waiting
from planner.request import Request
from profiles.shape import Shape

SHAPE = Shape(256, 256)


def two(segments: list[Segment], staged: list[Staged] | None = None, dropped: dict[int, float] | None = None) -> Idle:
    """Two requests of 10 steps, from 0 and from 2 s on, on two GPUs."""
    requests = (Request(0, SHAPE, 10, 0.0, 99.0), Request(1, SHAPE, 10, 2.0, 99.0))
    ends = {job: s.end for s in segments for job in s.jobs}
    records = Records(requests, delivered=ends, dropped=dropped or {}, segments=segments, staged=staged or [])
    return idle_while_waiting(records, 2)


def test_one_waits_beside_an_idle_gpu() -> None:
    """Tests that the second request's wait counts on the GPU that was idle, and not on the busy one."""
    found = two([Segment((0,), (0,), 0.0, 5.0, 10), Segment((1,), (0,), 5.0, 6.0, 10)])
    assert found == pytest.approx((3.0, 3.0))


def test_nothing_idle_counts_where_nobody_waits() -> None:
    """Tests that a GPU that is idle while nobody waits is not counted."""
    assert two([Segment((0,), (0,), 0.0, 5.0, 10), Segment((1,), (1,), 2.0, 4.0, 10)]) == (0.0, 0.0)


def test_a_request_waits_between_its_segments_and_until_it_is_dropped() -> None:
    """Tests a pause of the first request on both GPUs, and the second one that never ran."""
    segments = [Segment((0,), (0, 1), 0.0, 1.0, 5), Segment((0,), (0, 1), 1.5, 2.0, 5)]
    assert two(segments, dropped={1: 3.0}) == pytest.approx((2 * 0.5 + 2 * 1.0, 1.0))


def test_a_text_that_is_not_encoded_keeps_no_gpu_waiting() -> None:
    """Tests that a request waits from the moment on at which its text is encoded."""
    staged = [Staged("encode", 0, 0, 0.0, 0.5), Staged("encode", 1, 0, 2.0, 4.5)]
    segments = [Segment((0,), (0, 1), 0.5, 4.0, 10), Segment((1,), (0, 1), 4.6, 5.0, 10)]
    assert two(segments, staged) == pytest.approx((2 * 0.1, 0.1))


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 30), st.integers(1, 9)), max_size=12))
def test_equal_to_counting_moments(drawn: list[tuple[int, int, int]]) -> None:
    """Tests the sum against a count of all tenths of a second, for any segments of a request that is never done."""
    free, segments = 0, []
    for gpu, pause, length in drawn:
        start, free = free + pause, free + pause + length
        segments.append(Segment((0,), (gpu,), start / 10, free / 10, 1))
    requests = (Request(0, SHAPE, 99, 0.0, 99.0),)
    records = Records(requests, segments=segments, ended=free / 10 + 1.0)
    busy = np.zeros((2, free + 10), dtype=bool)
    for s in segments:
        busy[s.gpus[0], round(s.start * 10) : round(s.end * 10)] = True
    idle = ~busy & ~busy.any(axis=0)
    assert idle_while_waiting(records, 2).gpu_seconds == pytest.approx(idle.sum() / 10)
