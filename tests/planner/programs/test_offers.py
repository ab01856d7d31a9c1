"""What tasks are offered of GPU time, and what they buy."""

from __future__ import annotations

import numpy as np
import pytest

from planner.programs.intervals import Task
from planner.programs.offers import buy, concave, kinds_of


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


def test_an_image_is_bought_where_it_is_cheapest() -> None:
    """Tests that steps are bought before the deadline, an image after the steps, in the cheapest interval that has room."""
    points = np.array([0.0, 1.0, 2.0, 2.5, 3.0])
    tasks = [Task(0.0, 2.0, 10, (1,), (0.1,), decode=1.0), Task(0.0, 2.0, 10, (1,), (0.1,))]
    (kind,) = kinds_of(tasks, points)
    bought = buy(kind, np.array([1.0, 3.0, 2.0, 4.0]))
    assert bought.cost.tolist() == pytest.approx([1.0 + 0.5 * 2.0 + 0.5 * 3.0, 1.0])
    assert bought.used(kind, np.array([True, True]), 4).tolist() == pytest.approx([2.0, 0.5, 0.5, 0.0])
    assert bought.used(kind, np.array([False, True]), 4).tolist() == pytest.approx([1.0, 0.0, 0.0, 0.0])


def test_nothing_is_offered_for_images_that_nobody_makes() -> None:
    """Tests that without images, or with images after the last point, tasks buy steps alone."""
    points = np.array([0.0, 2.0])
    for decode in (0.0, 1.5):
        (kind,) = kinds_of([Task(0.0, 2.0, 10, (1,), (0.1,), decode=decode)], points)
        assert kind.images is None and kind.size == kind.room.size
