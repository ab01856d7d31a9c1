from __future__ import annotations

import numpy as np
import pytest

from planner.objectives import ObjectiveError, Survivors, rewards_of
from planner.objectives.trial import example


class Returns:
    """An objective that returns whatever it was made with."""

    def __init__(self, value: object) -> None:
        self.value = value

    def rewards(self, outcomes):  # type: ignore[no-untyped-def]
        """Return it, or raise it."""
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.zeros(5), r"shape \(5,\).*shape \(6,\)"),
        (0.0, r"shape \(\)"),
        (np.zeros((6, 1)), r"shape \(6, 1\)"),
        (None, r"rewards\(\) returned None; is its return missing\?.*shape \(6,\)"),
        ([[1], [1, 2]], r"returned a list that is no array.*shape \(6,\)"),
        ([0, 1, 2, np.nan, 4, 5], r"nan for outcome 3 \(job 3, degree 8, steps 3\)"),
        ([0, 1, 2, 3, np.inf, 5], "inf for outcome 4"),
        (["a"] * 6, "numbers are needed"),
        ([1j] * 6, "numbers are needed"),
        (ZeroDivisionError("one over none"), "raised ZeroDivisionError: one over none"),
    ],
)
def test_what_is_no_reward_is_refused(value: object, message: str) -> None:
    """Tests that a misbehaving objective is named together with what it did and, for NaN, the row."""
    with pytest.raises(ObjectiveError, match=f"objective Returns.*{message}"):
        rewards_of(Returns(value), example())


@pytest.mark.parametrize("value", [[0, 1, 2, 3, 4, 5], [True] * 6, np.arange(6, dtype=np.float32)])
def test_numbers_of_any_kind_are_taken(value: object) -> None:
    """Tests that lists, integers, booleans and small floats become float64."""
    assert rewards_of(Returns(value), example()).dtype == np.float64


def test_shipped_objectives_pass() -> None:
    """Tests the check on an objective that behaves."""
    assert rewards_of(Survivors(), example()).tolist() == [1, 1, 1, 1, 0, 0]
