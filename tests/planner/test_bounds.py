"""The clairvoyant bound: never below what a policy reaches, exact where the optimum is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from executor.loop import serve
from executor.physics import Physics
from executor.records import Records
from executor.service import Service
from executor.simulated import SimulatedEngine
from planner.backends.protocol import Solution
from planner.bounds import Pace, clairvoyant_bound
from planner.cluster import Cluster
from planner.programs.linear import LinearProgram
from planner.request import Request
from planner.round import Cadence
from planner.solvers.dp import GreedyDp
from planner.solvers.priority import Edf, Srtf
from planner.solvers.protocol import Solver
from profiles.shape import Shape
from profiles.store import load_profile

PROFILE = load_profile("flux1-dev_h100")
CLUSTER = Cluster.nvlink(8)
SIZES = (256, 512, 1024, 2048)


def request(id_: int, size: int, arrival: float, allowed: float, steps: int = 50, weight: float = 1.0) -> Request:
    """Make a square request that is due ``allowed`` seconds after its arrival."""
    return Request(id_, Shape(size, size), steps, arrival, arrival + allowed, weight)


@st.composite
def workloads(draw: st.DrawFn) -> tuple[Request, ...]:
    """Up to a dozen requests, close enough to compete."""
    count = draw(st.integers(1, 12))
    gaps = st.floats(0.0, 3.0)
    arrival = 0.0
    requests = []
    for id_ in range(count):
        arrival += draw(gaps)
        allowed = draw(st.floats(0.3, 8.0))
        steps = draw(st.integers(1, 50))
        size, weight = draw(st.sampled_from(SIZES)), draw(st.sampled_from((1.0, 2.0)))
        requests.append(request(id_, size, arrival, allowed, steps, weight))
    return tuple(requests)


def on_time(solver: Solver, requests: tuple[Request, ...], kind: str) -> float:
    """Weight of the requests that a simulated run without noise serves on time."""
    records = Records(requests)
    physics = Physics(noise=0.0, regroup_seconds=0.0)
    engine = SimulatedEngine(CLUSTER, PROFILE, requests, physics, np.random.default_rng(0))
    cadence = Cadence("events" if kind == "events" else "rounds", 0.4)
    serve(Service(CLUSTER, PROFILE, solver, cadence, late="drop"), engine, records)
    return sum(r.weight for r in requests if records.fate(r) == "on_time")


@settings(max_examples=60, deadline=None)
@given(workloads(), st.sampled_from((GreedyDp(), Edf(), Srtf(8), Srtf(4, 1))), st.sampled_from(("events", "rounds")))
def test_no_policy_beats_the_bound(requests: tuple[Request, ...], solver: Solver, kind: str) -> None:
    """Tests that what a simulated policy serves on time is at most the bound, on any workload."""
    bound = clairvoyant_bound(requests, CLUSTER, PROFILE)
    assert on_time(solver, requests, kind) <= bound.upper + 1e-6
    assert bound.value <= bound.upper + 1e-9 <= bound.total + 2e-9


def test_two_full_requests_that_overlap_cannot_both_be_served() -> None:
    """Tests that two 2048 requests, each needing 5.4 s of all GPUs within 6 s, count once, and twice when apart."""
    together = (request(0, 2048, 0.0, 6.0), request(1, 2048, 0.5, 6.0))
    apart = (request(0, 2048, 0.0, 6.0), request(1, 2048, 6.0, 6.0))
    assert clairvoyant_bound(together, CLUSTER, PROFILE).upper == 1.0
    assert clairvoyant_bound(apart, CLUSTER, PROFILE).upper == 2.0


def test_the_heavier_of_two_wins() -> None:
    """Tests that where only one can be served, the bound is the larger weight, and it says which request that is."""
    requests = (request(0, 2048, 0.0, 6.0), request(1, 2048, 0.0, 6.0, weight=3.0))
    bound = clairvoyant_bound(requests, CLUSTER, PROFILE)
    assert (bound.value, bound.upper, bound.on_time, bound.status) == (3.0, 3.0, (1,), "optimal")


def test_a_request_that_is_too_late_alone_counts_nothing() -> None:
    """Tests that a request that misses its deadline even alone is no part of the bound but part of the total."""
    bound = clairvoyant_bound((request(0, 2048, 0.0, 5.0), request(1, 256, 0.0, 1.5)), CLUSTER, PROFILE)
    assert (bound.upper, bound.total, bound.share) == (1.0, 2.0, 0.5)


def test_a_run_falls_into_independent_parts() -> None:
    """Tests that windows that do not touch make separate components; single requests are not counted as such."""
    requests = [request(3 * i + j, 256, 10.0 * i, 2.0) for i in range(4) for j in range(3)]
    assert clairvoyant_bound([*requests, request(99, 256, 90.0, 2.0)], CLUSTER, PROFILE).components == 4


def test_without_time_prices_bound_a_run() -> None:
    """Tests that where a solver finds nothing, the bound is that of prices, and no schedule is claimed to reach it."""

    class Silent:
        name = "silent"

        def solve(self, program: LinearProgram, budget: float) -> Solution:
            return Solution(None, None, "unknown", 0.0, 0.0)

    requests = [request(i, 2048, 0.1 * i, 6.0) for i in range(8)]
    bound = clairvoyant_bound(requests, CLUSTER, PROFILE, backend=Silent())
    proven = clairvoyant_bound(requests, CLUSTER, PROFILE)
    assert (bound.value, bound.status) == (0.0, "feasible")
    assert proven.upper <= bound.upper < bound.total


def test_a_pace_replaces_what_the_profile_says() -> None:
    """Tests that quick steps let in a request that the profile leaves out, and slow ones keep two from being served."""
    one = (request(0, 2048, 0.0, 5.41),)
    assert clairvoyant_bound(one, CLUSTER, PROFILE).upper == 0.0
    assert clairvoyant_bound(one, CLUSTER, PROFILE, paces={0: Pace(5.40, 0.996)}).upper == 1.0
    four = PROFILE.step_time(Shape(2048, 2048), 4, "nvlink")
    two = (request(0, 2048, 0.0, 50 * four + 0.01), request(1, 2048, 0.0, 50 * four + 0.01))
    assert clairvoyant_bound(two, CLUSTER, PROFILE).upper == 2.0
    slow = {id_: Pace(5.6, 1.03) for id_ in (0, 1)}
    assert clairvoyant_bound(two, CLUSTER, PROFILE, paces=slow).upper == 1.0


@pytest.mark.parametrize(("least", "factor", "words"), [(0.0, 1.0, "least is 0.0"), (1.0, math.nan, "factor is nan")])
def test_an_impossible_pace_is_refused(least: float, factor: float, words: str) -> None:
    """Tests that the error names the field and the value."""
    with pytest.raises(ValueError, match=words):
        Pace(least, factor)


def test_hundred_and_fifty_requests_take_seconds() -> None:
    """Tests that a run of 150 requests at 18 a minute is bounded to proven optimality, with a bound in (0, 1)."""
    rng = np.random.default_rng(0)
    arrivals = np.cumsum(rng.exponential(60 / 18, 150)).tolist()
    kinds = rng.integers(0, 4, 150).tolist()
    requests = [request(i, SIZES[k], arrivals[i], (1.8, 2.4, 3.6, 6.0)[k]) for i, k in enumerate(kinds)]
    bound = clairvoyant_bound(requests, CLUSTER, PROFILE, time_limit=60.0)
    assert bound.status == "optimal"
    assert 0.8 < bound.share < 1.0


def test_very_large_runs_are_bounded_by_prices() -> None:
    """Tests that a run too large for a solver gets a bound above the solver's, near it, in one component."""
    rng = np.random.default_rng(7)
    arrivals = np.cumsum(rng.exponential(0.4, 60)).tolist()
    requests = [request(i, SIZES[i % 4], arrivals[i], (1.8, 2.4, 3.6, 6.0)[i % 4]) for i in range(60)]
    exact = clairvoyant_bound(requests, CLUSTER, PROFILE, concurrency=False)
    priced = clairvoyant_bound(requests, CLUSTER, PROFILE, largest=0)
    assert exact.upper <= priced.upper <= 1.15 * exact.upper
    assert priced.value <= priced.upper
