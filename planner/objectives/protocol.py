"""The extension point: an objective is anything that turns outcomes into rewards."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np

from planner.errors import FAILURES, said
from planner.outcomes import Floats, Outcomes


class ObjectiveError(ValueError):
    """An objective cannot be loaded, or returned something that is no reward."""


class Objective(Protocol):
    """What a plan is worth: the sum of the rewards of the options that it picks, one per job; more is better."""

    def rewards(self, outcomes: Outcomes) -> Floats:
        """Return an array of shape (n,), finite, one reward per row of ``outcomes``."""
        ...


@runtime_checkable
class NeedsProgram(Protocol):
    """An objective that no rule of a solver of its own stands in for."""

    @property
    def needs_program(self) -> str:
        """Say why, as the end of a sentence about it."""
        ...


def name_of(objective: Objective) -> str:
    """Return the name of an objective's class, for tables and errors."""
    return type(objective).__name__


def rewards_of(objective: Objective, outcomes: Outcomes) -> Floats:
    """Ask an objective for its rewards and check them.

    Raises
    ------
    ObjectiveError
        If the objective raises, or returns nothing, another shape, another type, NaN or infinity.
    """
    name = name_of(objective)
    try:
        given = objective.rewards(outcomes)
    except FAILURES as error:
        hint = "; the arrays of outcomes cannot be written to: work on a copy" if "read-only" in str(error) else ""
        raise ObjectiveError(f"objective {name}: rewards() raised {said(error)}{hint}") from error
    if given is None:
        raise ObjectiveError(
            f"objective {name}: rewards() returned None; is its return missing? An array with one number per outcome is "
            f"needed, shape ({len(outcomes)},)"
        )
    try:
        rewards = np.asarray(given)
    except ValueError as error:
        raise ObjectiveError(
            f"objective {name}: rewards() returned a {type(given).__name__} that is no array ({error}); one number per "
            f"outcome is needed, shape ({len(outcomes)},)"
        ) from error
    if rewards.shape != (len(outcomes),):
        raise ObjectiveError(
            f"objective {name}: rewards() returned shape {rewards.shape}; one number per outcome is needed, "
            f"shape ({len(outcomes)},)"
        )
    if rewards.dtype.kind not in "fiub":
        raise ObjectiveError(f"objective {name}: rewards() returned dtype {rewards.dtype}; numbers are needed")
    values = rewards.astype(np.float64)
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values))[0])
        raise ObjectiveError(
            f"objective {name}: rewards() returned {values[row]} for outcome {row} (job {outcomes.job[row]}, degree "
            f"{outcomes.degree[row]}, steps {outcomes.steps[row]}); every reward must be finite"
        )
    return values
