"""Worth that is no sum: the least share of jobs served over classes of jobs, such as resolutions.

An objective that has a method ``shares`` is worth, beside the sum of its rewards, ``weight`` times the least share over
all classes. Programs express it with one more variable: z, at most the share of every class.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from planner.errors import FAILURES, said
from planner.objectives.protocol import Objective, ObjectiveError, name_of
from planner.outcomes import Bools, Floats, Ints, Outcomes

_HEAVIEST = 1e6


@dataclass(frozen=True, slots=True)
class Shares:
    """Classes of jobs, and which outcomes count as served.

    Parameters
    ----------
    classes
        Class of each outcome's job, shape (n,).
    served
        Whether the outcome counts as served, shape (n,). A job that no outcome serves is in no class.
    weight
        What a least share of one is worth; must be positive.
    """

    classes: Ints
    served: Bools
    weight: float


@dataclass(frozen=True, slots=True)
class LeastShare:
    """The least share of jobs on time over the resolutions, then the number of jobs on time.

    Only jobs that can be on time alone count. A resolution is never starved for the sake of more numerous ones: the
    first job of the resolution that is served worst outweighs every other job.
    """

    needs_program: ClassVar[str] = "is no sum of rewards"

    def rewards(self, outcomes: Outcomes) -> Floats:
        """1 for every option after which the job survives."""
        return outcomes.survives.astype(np.float64)

    def shares(self, outcomes: Outcomes) -> Shares:
        """Resolutions, with a weight at which the least share decides before the sum, up to one million.

        Two different shares a/m and b/n differ by at least 1/(m n), so one more than the number of jobs times the
        largest such product is enough.
        """
        jobs, first = np.unique(outcomes.job[outcomes.survives], return_index=True)
        _, counts = np.unique(outcomes.pixels[outcomes.survives][first], return_counts=True)
        sizes = np.sort(counts)[::-1][:2]
        weight = (len(jobs) + 1.0) * float(sizes[0] * sizes[-1]) if len(sizes) else 1.0
        return Shares(outcomes.pixels, outcomes.survives, min(weight, _HEAVIEST))


def shares_of(objective: Objective, outcomes: Outcomes) -> Shares | None:
    """Ask an objective for its shares; None where it is a plain sum of rewards.

    Raises
    ------
    ObjectiveError
        If it raises, or returns something else than :class:`Shares` of one class and one truth value per outcome.
    """
    ask = getattr(objective, "shares", None)
    if not callable(ask):
        return None
    try:
        shares = ask(outcomes)
    except FAILURES as error:
        raise ObjectiveError(f"objective {name_of(objective)}: shares() raised {said(error)}") from error
    if not isinstance(shares, Shares) or not (len(shares.classes) == len(shares.served) == len(outcomes)):
        raise ObjectiveError(f"objective {name_of(objective)}: shares() must return Shares with one entry per outcome")
    if not (math.isfinite(shares.weight) and shares.weight > 0):
        raise ObjectiveError(
            f"objective {name_of(objective)}: the weight of its shares is {shares.weight}; a positive number is needed"
        )
    return shares


def refuse_shares(objective: Objective, where: str) -> None:
    """Raise ObjectiveError for an objective with shares, which ``where`` cannot take."""
    if callable(getattr(objective, "shares", None)):
        raise ObjectiveError(
            f"{where} cannot take {name_of(objective)}: a least share is no sum of rewards; it takes objectives "
            "without shares, such as Survivors, OnTime, Fairness, GpuSeconds, Tardiness and Moves"
        )
