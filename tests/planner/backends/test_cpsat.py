from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.backends.cpsat import CpSatBackend, integral_rewards
from planner.backends.protocol import BackendError
from planner.programs.linear import LinearProgram


def knapsack(rewards: list[float], weights: list[int], capacity: float) -> LinearProgram:
    """Make a 0/1 knapsack with nothing as its start."""
    n = len(rewards)
    return LinearProgram(
        rewards=np.array(rewards, dtype=float),
        row_starts=np.array([0, n]),
        columns=np.arange(n),
        coefficients=np.array(weights, dtype=float),
        capacity=np.array([capacity]),
        lower=np.zeros(n),
        upper=np.ones(n),
        integer=np.ones(n, dtype=bool),
        start=np.zeros(n),
    )


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.floats(-3.0, 5.0), st.integers(1, 6)), min_size=1, max_size=7),
    st.integers(0, 15),
    st.booleans(),
)
def test_optimum_of_knapsacks(items: list[tuple[float, int]], capacity: int, presolve: bool) -> None:
    """Tests value, bound and feasibility on knapsacks with real rewards against trying all subsets."""
    rewards, weights = [r for r, _ in items], [w for _, w in items]
    program = knapsack(rewards, weights, capacity)
    answer = CpSatBackend(presolve=presolve).solve(program, 5.0)
    subsets = ((np.arange(2 ** len(items))[:, None] >> np.arange(len(items))) & 1).astype(float)
    best = max(float(x @ rewards) for x in subsets if x @ weights <= capacity)
    assert answer.status == "optimal"
    assert answer.x is not None
    assert answer.bound is not None
    assert program.violation(answer.x) == 0.0
    assert program.value(answer.x) == pytest.approx(best, rel=1e-9, abs=1e-9)
    assert best <= answer.bound + 1e-12 + 1e-12 * abs(best)
    assert answer.bound == pytest.approx(best, rel=1e-9, abs=1e-9)


def test_integer_variables_with_bounds() -> None:
    """Tests variables that count, lower bounds above zero, and several rows."""
    program = LinearProgram(
        rewards=np.array([3.0, 2.0]),
        row_starts=np.array([0, 2, 3]),
        columns=np.array([0, 1, 1]),
        coefficients=np.array([2.0, 1.0, 1.0]),
        capacity=np.array([9.0, 4.5]),
        lower=np.array([0.0, 2.0]),
        upper=np.array([10.0, 10.0]),
        integer=np.ones(2, dtype=bool),
        start=np.array([0.0, 2.0]),
    )
    answer = CpSatBackend().solve(program, 1.0)
    assert answer.x is not None
    assert answer.x.tolist() == [3.0, 3.0]
    assert answer.bound == 15.0


def test_the_hint_comes_back_when_there_is_no_time() -> None:
    """Tests that with next to no budget a point worth at least the start is still returned, with a valid bound."""
    rng = np.random.default_rng(1)
    weights = rng.integers(5, 40, 60).tolist()
    program = knapsack(rng.uniform(0.9, 1.1, 60).tolist(), weights, 200)
    start = np.zeros(60)
    start[:4] = 1.0
    program = replace(program, start=start)
    answer = CpSatBackend().solve(program, 1e-6)
    assert answer.x is not None
    assert answer.status in ("feasible", "optimal")
    assert program.value(answer.x) >= program.value(program.start)
    assert answer.bound is not None
    assert answer.bound >= program.value(answer.x)


def test_deterministic_answers_are_equal() -> None:
    """Tests that ten calls under a tight deterministic budget return one answer."""
    rng = np.random.default_rng(0)
    program = knapsack(rng.uniform(0.9, 1.1, 80).tolist(), rng.integers(5, 40, 80).tolist(), 300)
    answers = [CpSatBackend().solve(program, 0.01) for _ in range(10)]
    assert len({(a.x.tobytes() if a.x is not None else b"", a.bound, a.status) for a in answers}) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"integer": np.array([True, False]), "upper": np.array([1.0, np.inf])}, "continuous"),
        ({"coefficients": np.array([1.0, 0.5])}, r"coefficient is 0\.5"),
        ({"capacity": np.array([-1.0])}, "infeasible"),
    ],
)
def test_what_it_cannot_take_is_refused(change: dict[str, object], message: str) -> None:
    """Tests that continuous variables, fractions and impossible rows are errors with a reason."""
    with pytest.raises(BackendError, match=message):
        CpSatBackend().solve(replace(knapsack([1.0, 1.0], [1, 1], 1), **change), 1.0)


def test_whole_rewards_are_taken_exactly() -> None:
    """Tests that whole numbers are not scaled, and others by a power of two that keeps 45 bits."""
    assert integral_rewards(np.array([2.0**40, -3.0]))[1] == 1.0
    scaled, scale = integral_rewards(np.array([0.1, 0.2]))
    assert np.log2(scale) % 1 == 0
    assert scaled / scale == pytest.approx([0.1, 0.2], rel=1e-12)
    assert integral_rewards(np.zeros(2))[1] == 1.0
