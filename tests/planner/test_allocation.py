from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.allocation import DegreeMix, cheapest_mix, degrees_in_time
from planner.cluster import Cluster
from planner.costs import Costs, ShapeCosts
from tests.strategies import LARGE, MEDIUM, SHAPES, SMALL, TOY, job, profile_of, round_of

C8 = Cluster.nvlink(8)


def seconds_of(costs: ShapeCosts, mix: DegreeMix) -> float:
    """Time that a mix takes."""
    return sum(steps * costs.step_time[degree] for degree, steps in mix)


def price_of(costs: ShapeCosts, mix: DegreeMix) -> float:
    """GPU-seconds that a mix takes."""
    return sum(steps * degree * costs.step_time[degree] for degree, steps in mix)


def least_price(costs: ShapeCosts, steps: int, seconds: float) -> float:
    """Least GPU-seconds over every split of the steps over one or two of all degrees, useful or not."""
    best = float("inf")
    degrees = sorted(costs.step_time)
    for a, b in [*combinations(degrees, 2), *((d, d) for d in degrees)]:
        for slow in range(steps + 1):
            mix = ((a, slow), (b, steps - slow))
            if seconds_of(costs, mix) <= seconds:
                best = min(best, price_of(costs, mix))
    return best


@st.composite
def tables(draw: st.DrawFn) -> ShapeCosts:
    """Draw the step times of a shape: usual ones, superlinear speed-ups and slow-downs."""
    times = draw(st.lists(st.floats(0.005, 1.0), min_size=4, max_size=4))
    if draw(st.booleans()):
        times = sorted(times, reverse=True)
    return Costs(profile_of({SMALL: dict(zip((1, 2, 4, 8), times, strict=True))}), C8).of(SMALL)


@settings(max_examples=150)
@given(
    costs=st.one_of(st.sampled_from([Costs(TOY, C8).of(shape) for shape in SHAPES]), tables()),
    steps=st.integers(1, 14),
    tightness=st.one_of(st.floats(0.9, 12.0), st.just(1.0)),
)
def test_cheapest_of_all_mixes(costs: ShapeCosts, steps: int, tightness: float) -> None:
    """Tests that the mix meets the time and no mix of at most two degrees that meets it costs less."""
    seconds = tightness * steps * costs.fastest
    mix = cheapest_mix(costs, steps, seconds)
    if mix is None:
        assert least_price(costs, steps, seconds) == float("inf")
        return
    assert 1 <= len(mix) <= 2
    assert sum(s for _, s in mix) == steps
    assert all(s >= 1 and degree in costs.degrees for degree, s in mix)
    assert seconds_of(costs, mix) <= seconds + 2e-9
    assert price_of(costs, mix) <= least_price(costs, steps, seconds) + 1e-8
    if len(mix) == 2:
        assert costs.step_time[mix[0][0]] > costs.step_time[mix[1][0]], "the slower degree comes first"


def test_the_formula_of_the_paper() -> None:
    """Tests one mix by hand: 10 steps in 0.6 s are 5 at degree 1 (0.08 s) and 5 at degree 4 (0.03 s), or cheaper."""
    costs = Costs(profile_of({MEDIUM: {1: 0.08, 4: 0.03}}), C8).of(MEDIUM)
    assert cheapest_mix(costs, 10, 0.55) == ((1, 5), (4, 5))
    assert cheapest_mix(costs, 10, 0.599) == ((1, 5), (4, 5))
    assert cheapest_mix(costs, 10, 0.6) == ((1, 6), (4, 4))
    assert cheapest_mix(costs, 10, 0.8) == ((1, 10),)
    assert cheapest_mix(costs, 10, 0.3) == ((4, 10),)
    assert cheapest_mix(costs, 10, 0.2999) is None


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_no_time_is_no_mix(seconds: float) -> None:
    """Tests that a job past its deadline has no mix."""
    assert cheapest_mix(Costs(TOY, C8).of(LARGE), 1, seconds) is None


@pytest.mark.parametrize(("due", "new", "runs"), [(0.32, [4, 8], [4, 8]), (0.31, [8], [4, 8]), (0.251, [8], [8])])
def test_a_change_to_a_degree_below_the_fastest_leaves_half_a_step(due: float, new: list[int], runs: list[int]) -> None:
    """Tests ten steps of .03 and .025 s at 4 and 8 GPUs, of a job that is new, that runs on 4, and that has stopped."""
    four = C8.groups(4)[0]
    jobs = [
        job(0, MEDIUM, due=due),
        job(1, MEDIUM, due=due, group=four),
        job(2, MEDIUM, due=due, group=four, running=True),
    ]
    assert [degrees_in_time(round_of([j]), j) for j in jobs] == [new, new, runs]


def test_another_degree_costs_a_move() -> None:
    """Tests ten steps of .08, .05, .03 and .025 s at 1, 2, 4, 8 GPUs, due in .45 s, with moves free and of .1 s each."""
    new, runs = job(0, MEDIUM, due=0.45), job(1, MEDIUM, due=0.45, group=C8.groups(8)[0], running=True)
    stopped = job(2, MEDIUM, due=0.45, group=C8.groups(8)[0])
    assert [degrees_in_time(round_of([j]), j) for j in (new, runs, stopped)] == [[4, 8]] * 3
    dear = round_of([new, runs, stopped], regroup_seconds=0.1)
    assert [degrees_in_time(dear, j) for j in dear.jobs] == [[4, 8], [4, 8], [4, 8]]
    dearer = round_of([new, runs, stopped], regroup_seconds=0.18)
    assert [degrees_in_time(dearer, j) for j in dearer.jobs] == [[4, 8], [8], [8]]
    dearest = round_of([new, runs, stopped], regroup_seconds=0.3)
    assert [degrees_in_time(dearest, j) for j in dearest.jobs] == [[4, 8], [8], []]
