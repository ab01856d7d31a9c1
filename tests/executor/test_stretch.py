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
