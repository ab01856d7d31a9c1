"""Labels: apart, inside, and where nothing crosses them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.drawing.labels import spread_out, widest_gap


@given(st.lists(st.floats(0, 1), min_size=1, max_size=10), st.floats(0.01, 0.1))
def test_labels_do_not_overlap_and_stay_inside(wanted: list[float], gap: float) -> None:
    """Labels keep their order, at least the gap apart, within the panel as long as there is room."""
    placed = spread_out(sorted(wanted), gap)
    assert all(b - a >= gap - 1e-9 for a, b in pairwise(placed))
    assert min(placed) >= -1e-9
    assert max(placed) <= 1 + 1e-9


def test_labels_with_room_stay_where_they_want() -> None:
    """Nothing moves that need not."""
    assert spread_out([0.1, 0.5, 0.9], 0.1) == pytest.approx([0.1, 0.5, 0.9])
    assert spread_out([0.5, 0.5], 0.1) == pytest.approx([0.45, 0.55])


def test_a_label_goes_where_nothing_cuts() -> None:
    """Tests that the longest part between cuts is found, and cuts outside the stretch change nothing."""
    assert widest_gap(0.0, 10.0, []) == (0.0, 10.0)
    assert widest_gap(0.0, 10.0, [7.0, 2.0]) == (2.0, 7.0)
    assert widest_gap(0.0, 10.0, [-1.0, 4.0, 12.0]) == (4.0, 10.0)
