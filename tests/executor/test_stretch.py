"""Segments on the virtual clock."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from executor.physics import MOST_NOISE
from executor.stretch import Stretch
from planner.cluster import Cluster

LEFT = Cluster.nvlink(4).group_of((0, 1))


@given(
    seed=st.integers(0, 100),
    cv=st.sampled_from([0.0, 0.005, MOST_NOISE]),
    start=st.sampled_from([0.0, 1.7, 5e4, 3e5]),
    at=st.floats(0.0, 12.0),
)
def test_steps_begun_and_their_boundaries_agree(seed: int, cv: float, start: float, at: float) -> None:
    """Tests that the step in progress ends at or after now and began before it, also late in a very long run."""
    draws = np.random.default_rng(seed).standard_normal(10).clip(-3, 3)
    drift = [0.0, *draws.cumsum().tolist()]
    stretch = Stretch((0,), LEFT, start, 10, 0.05, cv, drift, 0)
    times = [stretch.boundary(i) for i in range(11)]
    assert times == sorted(times)
    assert stretch.begun(start) == 0
    for i in range(1, 11):
        assert stretch.begun(times[i]) == i, "a step that ends now is done, and the next has not begun"
    now = start + at * 0.05
    begun = stretch.begun(now)
    assert begun == 10 or times[begun] >= now - 1e-8
    assert begun == 0 or times[begun - 1] <= now + 1e-8


@given(
    seed=st.integers(0, 100),
    cv=st.sampled_from([0.0, 0.005, MOST_NOISE]),
    moments=st.lists(st.floats(0.0, 12.0), max_size=20).map(sorted),
)
def test_a_look_says_the_same_as_a_first_look(seed: int, cv: float, moments: list[float]) -> None:
    """Tests that who looks again and again as time goes on sees what one sees who never looked before."""
    draws = np.random.default_rng(seed).standard_normal(10).clip(-3, 3)
    drift = [0.0, *draws.cumsum().tolist()]
    watched = Stretch((0,), LEFT, 1.7, 10, 0.05, cv, drift, 0)
    for at in moments:
        now = 1.7 + at * 0.05
        assert watched.look(now) == Stretch((0,), LEFT, 1.7, 10, 0.05, cv, drift, 0).look(now)


def test_a_look_within_one_step_is_the_same_object() -> None:
    """Tests that nothing is made anew while one step is in progress and not overdue."""
    stretch = Stretch((0,), LEFT, 0.0, 10, 0.05, 0.1, [0.0] * 11, 0)
    assert stretch.look(0.06) is stretch.look(0.09)
    assert stretch.look(0.11) is not stretch.look(0.09 + 0.05 + 0.05)
