"""Small pipelines."""

from __future__ import annotations

import pytest

from executor.models.random_models.small import WIDTHS, Width


@pytest.mark.parametrize("width", list(WIDTHS.values()), ids=list(WIDTHS))
def test_axes_fill_a_head(width: Width) -> None:
    """Tests that the axes of the rotary embedding are even and add up to a head."""
    assert sum(width.axes) == width.size
    assert all(axis % 2 == 0 for axis in width.axes)
