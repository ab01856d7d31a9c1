"""Rounds hold whole steps, two of the slowest shape at least, and are short beside the deadlines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.round_length import WASTE, ShapeDemand, round_length, wasted

demands = st.lists(
    st.builds(ShapeDemand, st.floats(1e-3, 5.0), st.integers(1, 60), st.floats(0.5, 300.0), st.floats(0.01, 1.0)),
    min_size=1,
    max_size=5,
)


def test_one_shape_gets_two_steps() -> None:
    """Tests that nothing but waiting counts where every multiple is a whole number of steps."""
    assert round_length([ShapeDemand(0.1, 50, 5.0, 1.0)]) == pytest.approx(0.2 * 1.0005)


def test_the_paper_s_shapes() -> None:
    """Tests FLUX.1-dev on 8 H100: two steps of 2048 x 2048, of which three would fit into 0.4 s and idle 19 % of it."""
    shapes = ((0.01516, 1.5), (0.01791, 2.0), (0.03053, 3.0), (0.10834, 5.0))
    tau = round_length([ShapeDemand(step, 50, seconds, 0.25) for step, seconds in shapes])
    assert tau == pytest.approx(2 * 0.10834 * 1.0005)
    assert wasted(0.4, 0.10834) == pytest.approx(0.1874, abs=1e-3)


def test_shares_decide() -> None:
    """Tests that the shape that most requests have gets rounds without waste."""
    small, large = ShapeDemand(0.15, 50, 10.0, 0.95), ShapeDemand(0.2, 50, 12.0, 0.05)
    assert wasted(round_length([small, large]), 0.15) < 0.01
    assert wasted(round_length([small._replace(share=0.05), large._replace(share=0.95)]), 0.2) < 0.01


def test_what_a_round_wastes() -> None:
    """Tests rounds of one and a half steps, of none, and of steps to the last digit."""
    assert wasted(0.3, 0.2) == pytest.approx(1 / 3)
    assert wasted(0.1, 0.2) == 1.0
    assert wasted(0.3, 0.1) == pytest.approx(0.0, abs=1e-9)
    assert 0 < WASTE < 1


@given(demands)
def test_every_shape_can_step(shapes: list[ShapeDemand]) -> None:
    """Tests that two steps of the slowest shape fit, no more than eight, and a whole number of steps of some shape."""
    tau = round_length(shapes)
    slowest = max(shape.step for shape in shapes)
    assert 2 * slowest <= tau <= 8 * slowest * 1.001
    assert min(wasted(tau, shape.step) for shape in shapes) < 0.001


@given(demands, st.floats(0.1, 10.0))
def test_rounds_scale_with_the_profile(shapes: list[ShapeDemand], factor: float) -> None:
    """Tests that a planner which believes in steps and deadlines that are longer by a factor makes rounds that are, too."""
    longer = [ShapeDemand(s.step * factor, s.steps, s.seconds * factor, s.share) for s in shapes]
    assert round_length(longer) == pytest.approx(factor * round_length(shapes), rel=0.3)
