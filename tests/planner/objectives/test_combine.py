from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings

from planner.objectives import (
    GpuSeconds,
    LeastShare,
    Level,
    Lexicographic,
    ObjectiveError,
    OnTime,
    Survivors,
    Tardiness,
    Term,
    Weighted,
)
from planner.outcomes import Floats, Outcomes
from tests.planner.objectives.outcomes import outcomes_of, random_outcomes


def choices(outcomes: Outcomes) -> Iterator[list[int]]:
    """Every way to pick one row per job."""
    rows = [np.flatnonzero(outcomes.job == job).tolist() for job in np.unique(outcomes.job)]
    yield from map(list, product(*rows))


def test_weighted_sum() -> None:
    """Tests that terms are added with their weights."""
    outcomes = outcomes_of([0, 0], survives=[False, True], gpu_seconds=[0.0, 2.0], weight=[3.0, 3.0])
    objective = Weighted((Term(OnTime(), 2.0), Term(GpuSeconds(), 0.25), Term(Survivors())))
    assert objective.rewards(outcomes).tolist() == [0.0, 6.0 - 0.5 + 1.0]
    assert Weighted(()).rewards(outcomes).tolist() == [0.0, 0.0]


@settings(max_examples=150)
@given(random_outcomes())
def test_lexicographic_is_exactly_lexicographic(outcomes: Outcomes) -> None:
    """Tests every pair of choices: the packed sums order them just as the tuples of levels do.

    Jobs may be late by very different amounts, as in a long run under overload.
    """
    levels = (Level(Survivors()), Level(Tardiness()), Level(GpuSeconds(), 0.5))
    packed = Lexicographic(levels).rewards(outcomes)
    each = [np.rint(level.objective.rewards(outcomes) / level.unit) for level in levels]
    sums = [(float(packed[rows].sum()), tuple(int(e[rows].sum()) for e in each)) for rows in choices(outcomes)]
    sums.sort()
    for (a, low), (b, high) in pairwise(sums):
        assert (a < b and low < high) or (a == b and low == high)


def test_first_level_decides_however_large_the_second() -> None:
    """Tests that one survivor outweighs a thousand GPU-seconds in each of ten other jobs."""
    jobs = [job for job in range(11) for _ in range(2)]
    outcomes = outcomes_of(
        jobs,
        survives=[False, True] + [True] * 20,
        gpu_seconds=[0.0, 0.0] + [0.0, 1000.0] * 10,
    )
    packed = Lexicographic((Level(Survivors()), Level(GpuSeconds(), 0.001))).rewards(outcomes)
    cheap_but_lost = packed[0] + packed[2::2].sum()
    dear_but_kept = packed[1] + packed[3::2].sum()
    assert dear_but_kept > cheap_but_lost


def test_rewards_are_whole_numbers() -> None:
    """Tests that packed rewards are whole, so that integer solvers take them exactly."""
    outcomes = outcomes_of([0, 0, 1, 1], gpu_seconds=[0.0, 0.333, 0.0, 0.777])
    packed = Lexicographic((Level(Survivors()), Level(GpuSeconds(), 0.01))).rewards(outcomes)
    assert (packed == np.rint(packed)).all()


def test_levels_that_do_not_fit_are_refused() -> None:
    """Tests that a unit too fine for 50 bits is refused, and the level named."""
    outcomes = outcomes_of([0, 0], gpu_seconds=[0.0, 1e9])
    with pytest.raises(ObjectiveError, match=r"GpuSeconds.*50 bits.*enlarge that unit"):
        Lexicographic((Level(Survivors()), Level(GpuSeconds(), 1e-8))).rewards(outcomes)


def test_no_outcomes() -> None:
    """Tests that a round without jobs has no rewards."""
    assert Lexicographic((Level(Survivors()),)).rewards(outcomes_of([])).shape == (0,)


def test_a_bad_term_is_named() -> None:
    """Tests that an error inside a sum names the objective that made it."""

    class Nan:
        def rewards(self, outcomes: Outcomes) -> Floats:
            return np.full(len(outcomes), np.nan)

    for objective in (Weighted((Term(Nan()),)), Lexicographic((Level(Nan()),))):
        with pytest.raises(ObjectiveError, match="objective Nan"):
            objective.rewards(outcomes_of([0, 0]))


def test_a_least_share_is_no_term_of_a_sum() -> None:
    """Tests that sums refuse a least share by name, with what they take."""
    with pytest.raises(ObjectiveError, match=r"weighted sum cannot take LeastShare.*OnTime"):
        Weighted((Term(LeastShare()),))
    with pytest.raises(ObjectiveError, match=r"lexicographic objective cannot take LeastShare.*OnTime"):
        Lexicographic((Level(LeastShare()),))
