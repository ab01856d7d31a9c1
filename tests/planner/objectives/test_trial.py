from __future__ import annotations

import numpy as np
import pytest

from planner import CpSat, ObjectiveError, OnTime, Outcomes
from planner.objectives.trial import example, try_out


class Stateful:
    """Worth more each time that it is asked."""

    asked = 0

    def rewards(self, outcomes: Outcomes):  # type: ignore[no-untyped-def]
        """Count."""
        self.asked += 1
        return outcomes.survives + float(self.asked)


class Random:
    """Worth anything."""

    def rewards(self, outcomes: Outcomes):  # type: ignore[no-untyped-def]
        """Draw."""
        return np.random.default_rng().random(len(outcomes))


class Writing:
    """Thinks that late jobs survive."""

    def rewards(self, outcomes: Outcomes):  # type: ignore[no-untyped-def]
        """Write into what it was given."""
        outcomes.survives[:] = True
        return outcomes.survives


class Forgetful:
    """Returns nothing."""

    def rewards(self, outcomes: Outcomes) -> None:
        """Compute, and forget."""
        outcomes.survives * 1.0


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        (
            Stateful(),
            r"^objective Stateful: rewards\(\) returned 2 for outcome 0 of the example, and 4 when asked again",
        ),
        (Random(), r"^objective Random: .* when asked again; .*keep no state, draw nothing at random"),
        (Writing(), r"^objective Writing: rewards\(\) raised ValueError: .*read-only; .* work on a copy"),
        (Forgetful(), r"^objective Forgetful: rewards\(\) returned None; is its return missing\?"),
        (3, r"^objective 3: it has no method rewards"),
    ],
)
def test_misbehaving_objectives_are_refused_by_name(objective: object, message: str) -> None:
    """Tests that state, randomness, writing and a forgotten return are told when a solver is made, before it plans."""
    for ask in (try_out, lambda given: CpSat(objective=given)):
        with pytest.raises(ObjectiveError, match=message):
            ask(Stateful() if isinstance(objective, Stateful) else objective)  # type: ignore[operator]


def test_arrays_stay_as_they_are() -> None:
    """Tests that every array of outcomes is read-only, while what it was made of is not."""
    survives = np.array([True])
    outcomes = example()
    for name in Outcomes.__slots__:
        with pytest.raises(ValueError, match="read-only"):
            getattr(outcomes, name)[0] = 1
    assert survives.flags.writeable
    try_out(OnTime())
