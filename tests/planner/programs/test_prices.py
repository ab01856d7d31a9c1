"""Prices on GPU time: a bound above every point of the program, and a point that is one."""

from __future__ import annotations

import numpy as np
import pytest

from planner.programs.intervals import Task
from planner.programs.prices import _dual, _kinds, _level, bound_by_prices, concave


@pytest.mark.parametrize(
    ("degrees", "seconds", "kept"),
    [
        ((1, 2, 4, 8), (1.0, 0.5, 0.25, 0.125), (8,)),
        ((1, 2, 4), (1.0, 0.9, 0.3), (1, 4)),
        ((1, 2, 4, 8), (0.129, 0.080, 0.0476, 0.0305), (1, 2, 4, 8)),
    ],
)
def test_degrees_that_a_mix_beats_are_left_out(
    degrees: tuple[int, ...], seconds: tuple[float, ...], kept: tuple[int, ...]
) -> None:
    """Tests that only degrees on the concave hull of GPUs against steps per second remain."""
    assert concave(degrees, seconds)[0] == kept


def test_the_first_price_sells_all_gpu_time() -> None:
    """Tests that at the first price no more GPU time is asked for than there is, and at a slightly lower one more is."""
    tasks = [Task(0.0, 4.0 + 0.1 * i, 10 + i, (1, 2, 4), (0.5, 0.3, 0.2), 1.0 + 0.01 * i) for i in range(12)]
    points = np.array([0.0, 4.0, 5.2])
    gpu_seconds = np.array([20.0, 6.0])
    kinds = _kinds(tasks, points)
    prices = _level(kinds, gpu_seconds)
    assert _dual(kinds, prices, gpu_seconds)[1].sum() >= 0.0 > _dual(kinds, 0.999 * prices, gpu_seconds)[1].sum()


def test_free_gpu_time_has_a_bound_below_all_tasks() -> None:
    """Tests that a bound falls below the sum of weights where all GPU time is not sold, but that of a single interval is."""
    tasks = [*(Task(0.0, 1.0, 10, (1, 2), (0.1, 0.06)) for _ in range(4)), Task(0.0, 9.0, 10, (1, 2), (0.1, 0.06))]
    assert bound_by_prices(tasks, np.array([0.0, 1.0, 9.0]), np.array([2.0, 16.0])) == 3.0
