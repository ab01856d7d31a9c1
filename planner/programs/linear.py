"""A mixed integer linear program as arrays: the one form between programs and solvers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from planner.cluster import Cluster
from planner.effort import Size
from planner.objectives.protocol import Objective
from planner.outcomes import Bools, Floats, Ints
from planner.plan import TOLERANCE, Assignment
from planner.round import Round


@dataclass(frozen=True, slots=True)
class LinearProgram:
    """Maximize ``rewards @ x`` subject to ``A x <= capacity`` and ``lower <= x <= upper``.

    Parameters
    ----------
    rewards
        Shape (n,).
    row_starts, columns, coefficients
        A in compressed rows: row r has entries ``row_starts[r]:row_starts[r + 1]``; shapes (m + 1,), (k,), (k,).
    capacity
        Right-hand sides, shape (m,).
    lower, upper
        Bounds of the variables, shape (n,).
    integer
        Which variables are integral, shape (n,).
    start
        A feasible point, shape (n,): the greedy plan.
    """

    rewards: Floats
    row_starts: Ints
    columns: Ints
    coefficients: Floats
    capacity: Floats
    lower: Floats
    upper: Floats
    integer: Bools
    start: Floats

    @property
    def size(self) -> int:
        """Number of variables."""
        return len(self.rewards)

    @property
    def rows(self) -> int:
        """Number of constraints."""
        return len(self.capacity)

    @property
    def entries(self) -> int:
        """Variables, rows and nonzeros: what work on it costs goes with them (:mod:`planner.effort`)."""
        return self.size + self.rows + len(self.columns)

    def row(self, index: int) -> tuple[Ints, Floats]:
        """Columns and coefficients of one constraint."""
        part = slice(self.row_starts[index], self.row_starts[index + 1])
        return self.columns[part], self.coefficients[part]

    def value(self, x: Floats) -> float:
        """Objective value of a point."""
        return float(self.rewards @ x)

    def violation(self, x: Floats) -> float:
        """Largest amount by which a point breaks a row, a bound or integrality; 0 for a feasible one.

        Infinite for what is no point: NaN or infinity in it.
        """
        if not np.isfinite(x).all():
            return float("inf")
        worst = max(0.0, float(np.max(self.lower - x, initial=0.0)), float(np.max(x - self.upper, initial=0.0)))
        fractional = np.abs(x - np.rint(x))[self.integer]
        worst = max(worst, float(np.max(fractional, initial=0.0)))
        if self.rows:
            products = self.coefficients * x[self.columns]
            sums = np.add.reduceat(np.r_[products, 0.0], self.row_starts[:-1])
            sums[np.diff(self.row_starts) == 0] = 0.0
            worst = max(worst, float(np.max(sums - self.capacity, initial=0.0)))
        return worst


class Settled(NamedTuple):
    """A plan with what it is worth on the objective.

    Parameters
    ----------
    plan
        All that is carried out.
    value
        Of the plan as it is.
    bound
        Proven, at least the value; None where nothing is proven.
    rough
        Whether it stands in for a program that does not fit the budget.
    unit
        The least that one request is worth: what the tolerance of "optimal" is a share of.
    promised
        Ids of the requests that a schedule behind the value serves on time.
    made_of
        Ids of those that it was made of, where it is a coarse one; None where these are the promised ones.
    then
        Successors of what the plan runs (:attr:`planner.plan.Plan.then`).
    """

    plan: list[Assignment]
    value: float
    bound: float | None
    rough: bool = False
    unit: float = 1.0
    promised: tuple[int, ...] | None = None
    made_of: tuple[int, ...] | None = None
    then: tuple[Assignment, ...] = ()

    @property
    def proven(self) -> bool:
        """Whether the plan is optimal within the tolerance."""
        return self.bound is not None and self.bound - self.value <= TOLERANCE * self.unit


class ProgramModel(Protocol):
    """A program made for one round: the arrays, and the way back to a plan."""

    @property
    def linear(self) -> LinearProgram:
        """The arrays."""
        ...

    def settled(self, budget: float = math.inf) -> Settled | None:
        """Return a plan with its value and bound where the program can tell without a solver, else None."""
        ...

    def carry_out(self, x: Floats, bound: float | None) -> Settled:
        """Turn a feasible point, and a bound on the arrays, into a plan with its value and bound."""
        ...

    def judged(
        self,
        assignments: Sequence[Assignment],
        bound: float | None,
        promised: Sequence[int] | None = None,
        made_of: Sequence[int] | None = None,
    ) -> Settled:
        """Return assignments of any origin with their value; for the others, see :class:`Settled`."""
        ...


class Program(Protocol):
    """Turns a round and an objective into a model."""

    @property
    def looks_ahead(self) -> bool:
        """Whether it plans beyond the round, so that a start from such a rule suits it."""
        ...

    def check(self, cluster: Cluster) -> None:
        """Raise ParameterError if it cannot plan on a cluster as it is set."""
        ...

    def model(self, round_: Round, objective: Objective, greedy: Sequence[Assignment]) -> ProgramModel:
        """Make the model, with ``greedy`` as its start; empty for a program that looks ahead and starts by itself."""
        ...

    def measure(self, round_: Round) -> Size:
        """Return how large the program of a round is at most, without building it."""
        ...

    def rough(self, round_: Round, objective: Objective, budget: float) -> Settled | None:
        """Return a plan in work that fits the budget when the program does not; None where there is no such way."""
        ...


@runtime_checkable
class BoundedProgram(Protocol):
    """A program that can bound what any plan of a round is worth, without making one."""

    def bound(self, round_: Round, objective: Objective, reached: float, budget: float) -> float | None:
        """Return a bound as of :meth:`planner.solvers.protocol.Bounding.bound`; None where the objective has none."""
        ...
