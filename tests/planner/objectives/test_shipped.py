from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from planner.objectives import Fairness, GpuSeconds, LeastShare, Moves, OnTime, Progress, Survivors, Tardiness
from planner.outcomes import Outcomes
from tests.planner.objectives.outcomes import outcomes_of, random_outcomes


def test_survivors_count_one() -> None:
    """Tests that a survivor counts one whatever its weight."""
    outcomes = outcomes_of([0, 0, 1], survives=[False, True, True], weight=[5.0, 5.0, 1.0])
    assert Survivors().rewards(outcomes).tolist() == [0.0, 1.0, 1.0]


def test_on_time_counts_the_weight() -> None:
    """Tests that a survivor counts its request's weight."""
    outcomes = outcomes_of([0, 0, 1], survives=[False, True, True], weight=[5.0, 5.0, 0.5])
    assert OnTime().rewards(outcomes).tolist() == [0.0, 5.0, 0.5]


def test_prices_are_negative() -> None:
    """Tests that GPU-seconds and tardiness are prices, and being early earns nothing."""
    outcomes = outcomes_of([0, 0, 1], gpu_seconds=[0.0, 2.5, 0.0], lateness=[-3.0, 0.5, 2.0], weight=[2.0, 2.0, 1.0])
    assert GpuSeconds().rewards(outcomes).tolist() == [0.0, -2.5, 0.0]
    assert Tardiness().rewards(outcomes).tolist() == [0.0, -1.0, -2.0]


def test_progress_prefers_little_slack() -> None:
    """Tests the density by hand: a second of work over the slack, at least the floor, and a trifle for late jobs."""
    outcomes = outcomes_of(
        [0, 0, 1, 1, 2, 2],
        steps=[0, 2, 0, 2, 0, 2],
        steps_left=[5, 3, 5, 3, 5, 3],
        due_in=[1.5, 1.5, 0.5, 0.5, 0.4, 0.4],
    )
    assert Progress().rewards(outcomes) == pytest.approx([0, 0.2 / 1.0, 0, 0.2 / 0.1, 0, 1e-3 * 0.2])
    assert Progress(floor=2.0).rewards(outcomes)[1] == pytest.approx(0.1)


def test_fairness_shares_by_resolution() -> None:
    """Tests that two small images together count as much as one large one."""
    outcomes = outcomes_of([0, 0, 1, 1, 2, 2], pixels=[64, 64, 64, 64, 1024, 1024])
    assert Fairness().rewards(outcomes).tolist() == [0.5] * 4 + [1.0] * 2


@pytest.mark.parametrize(
    "objective", [Survivors(), OnTime(), GpuSeconds(), Tardiness(), Progress(), Fairness(), Moves(), LeastShare()]
)
@given(outcomes=random_outcomes())
def test_one_finite_number_per_outcome(objective, outcomes: Outcomes) -> None:  # type: ignore[no-untyped-def]
    """Tests that every shipped objective returns one finite float per outcome."""
    rewards = objective.rewards(outcomes)
    assert rewards.shape == (len(outcomes),)
    assert np.isfinite(rewards).all()
