"""Style: labels that do not overlap, colours that stay apart."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper_figs.policies import ALL
from paper_figs.style import SHAPE_COLOURS, shown, spread_out


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


def test_no_two_policies_look_alike() -> None:
    """Every pair of policies differs in colour, also from the resolutions."""
    assert len({policy.colour for policy in ALL}) == len(ALL)
    for a, b in combinations(ALL, 2):
        assert (a.marker, a.line, a.colour) != (b.marker, b.line, b.colour)
    assert not {policy.colour for policy in ALL} & set(SHAPE_COLOURS.values())


def test_square_shapes_are_shortened() -> None:
    """512x512 is 512; others stay."""
    assert [shown("512x512"), shown("720x1280"), shown("960x960x65")] == ["512", "720x1280", "960x960x65"]
