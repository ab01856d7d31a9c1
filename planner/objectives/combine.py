"""Sums of objectives: weighted, and lexicographic as one exact weighted sum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.objectives.protocol import Objective, ObjectiveError, name_of, rewards_of
from planner.objectives.shares import refuse_shares
from planner.outcomes import Floats, Outcomes

_EXACT = 2.0**50


@dataclass(frozen=True)
class Term:
    """An objective with its weight in a :class:`Weighted` sum."""

    objective: Objective
    weight: float = 1.0


@dataclass(frozen=True)
class Weighted:
    """A weighted sum of objectives.

    Raises
    ------
    ObjectiveError
        If a term has a least share, which is no sum of rewards.
    """

    terms: tuple[Term, ...]

    def __post_init__(self) -> None:
        for term in self.terms:
            refuse_shares(term.objective, "a weighted sum")

    def rewards(self, outcomes: Outcomes) -> Floats:
        """Sum of weight times reward."""
        total = np.zeros(len(outcomes))
        for term in self.terms:
            total += term.weight * rewards_of(term.objective, outcomes)
        return total


@dataclass(frozen=True)
class Level:
    """An objective in a :class:`Lexicographic` order; its rewards are rounded to multiples of ``unit``."""

    objective: Objective
    unit: float = 1.0


@dataclass(frozen=True)
class Lexicographic:
    """The first level decides; later levels only break its ties.

    Rewards are rounded to whole multiples of each level's unit. A level is scaled by one more than the largest
    difference
    that all later levels together can make, so that the weighted sum is lexicographic exactly, in integers.

    Raises
    ------
    ObjectiveError
        If the levels need more than 50 bits; the message says which unit to enlarge. Or if one has a least share.
    """

    levels: tuple[Level, ...]

    def __post_init__(self) -> None:
        for level in self.levels:
            refuse_shares(level.objective, "a lexicographic objective")

    def rewards(self, outcomes: Outcomes) -> Floats:
        """Return one array in which the levels are packed."""
        if not len(outcomes):
            return np.zeros(0)
        packed = np.zeros(len(outcomes))
        scale = 1.0
        starts = np.flatnonzero(np.r_[True, outcomes.job[1:] != outcomes.job[:-1]])
        counts = np.diff(np.r_[starts, len(outcomes)])
        for level in reversed(self.levels):
            units = np.rint(rewards_of(level.objective, outcomes) / level.unit)
            units -= np.repeat(np.minimum.reduceat(units, starts), counts)  # only differences within a job matter
            span = float(np.maximum.reduceat(units, starts).sum())
            packed += scale * units
            scale *= span + 1.0
            if scale > _EXACT:
                raise ObjectiveError(
                    f"lexicographic objective: the levels down from {name_of(level.objective)} need more than 50 bits; "
                    f"its rewards span {span:.3g} units of {level.unit:g}, enlarge that unit"
                )
        return packed
