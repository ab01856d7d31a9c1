"""Draws behind the noise of a run, and how fast they let requests be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from executor.noise import draw_noise, paces
from executor.physics import Physics
from executor.simulated import SimulatedEngine
from planner.cluster import Cluster
from planner.costs import costs_of
from planner.plan import Assignment
from planner.request import Request
from profiles.shape import Shape
from profiles.store import load_profile

PROFILE = load_profile("flux1-dev_h100")
CLUSTER = Cluster.nvlink(8)
LARGE = Shape(2048, 2048)
REQUESTS = (Request(3, LARGE, 20, 0.0, 99.0), Request(5, Shape(256, 256), 10, 0.0, 99.0))


def test_draws_are_cut_off_and_one_per_step() -> None:
    """Every request has as many draws as steps, none beyond three standard deviations, the same for the same seed."""
    draws, again = (draw_noise(REQUESTS, np.random.default_rng(1)) for _ in range(2))
    assert {id_: len(z) for id_, z in draws.items()} == {3: 20, 5: 10}
    many = draw_noise((Request(0, LARGE, 100_000, 0.0, 1.0),), np.random.default_rng(1))[0]
    assert np.abs(many).max() == 3.0
    assert all(np.array_equal(draws[id_], again[id_]) for id_ in draws)


def test_without_noise_a_request_is_as_fast_as_the_profile() -> None:
    """With noise of 0 the least time is that of the fastest steps, and the factor 1."""
    draws = draw_noise(REQUESTS, np.random.default_rng(0))
    for request in REQUESTS:
        pace = paces(REQUESTS, CLUSTER, PROFILE, draws, 0.0, 0.0)[request.id]
        assert pace.least == pytest.approx(request.steps * costs_of(PROFILE, CLUSTER).of(request.shape).fastest)
        assert pace.factor == 1.0


@given(
    st.integers(0, 1000), st.lists(st.sampled_from((1, 2, 4, 8)), min_size=20, max_size=20), st.sampled_from((0.0, 0.2))
)
def test_no_schedule_is_faster_than_its_pace(seed: int, degrees: list[int], noise_cv: float) -> None:
    """Whatever the degree of each step, a simulated request takes at least the least time, and its steps the factor."""
    requests, physics = REQUESTS[:1], Physics(noise_cv=noise_cv, regroup_seconds=0.0)
    engine = SimulatedEngine(CLUSTER, PROFILE, requests, physics, np.random.default_rng(seed))
    draws = draw_noise(requests, np.random.default_rng(seed))
    pace = paces(requests, CLUSTER, PROFILE, draws, physics.noise, physics.noise_cv)[3]
    engine.submit(requests[0])
    for degree in degrees:
        engine.carry_out([Assignment((3,), CLUSTER.groups(degree)[0], 1)])
        engine.advance(1e9 if engine.observe() else engine.now)
    costs = costs_of(PROFILE, CLUSTER).of(LARGE)
    assert sum(segment.steps for segment in engine.segments) == 20
    took = engine.segments[-1].end
    assert took >= pace.least - 1e-9
    assert (
        took >= 0
        and sum((s.end - s.start) / costs.step_time[len(s.gpus)] for s in engine.segments) >= 20 * pace.factor - 1e-9
    )
