"""Prices on GPU time: a bound above every point of the program, and a point that is one."""

from __future__ import annotations

import pytest

from planner.programs.prices import concave


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
