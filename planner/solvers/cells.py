"""A large cluster planned in cells: each by a solver of its own, with a balancer above that says who is planned where.

What splitting costs is what the balancer cannot see: a job that finds no room in its cell though there would be some in
another waits for the next decision, in which it may be dealt elsewhere. What it brings is time: cells are planned side by
side, in whatever runs them (:class:`Planning`); here, one after the other.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Protocol

from planner.balance import balanced
from planner.costs import Costs, costs_of
from planner.division import cells_of, divided, joined
from planner.errors import ParameterError, whole
from planner.plan import TOLERANCE, Certificate, Plan, Status
from planner.round import Round
from planner.solvers.exact import Highs
from planner.solvers.protocol import Bounding, Demanding, Solver
from profiles.shape import Shape

_BOUND = 0.15
"""Share of the budget for the bound on the whole."""


class Planning(Protocol):
    """What has the rounds of all cells planned."""

    def ready(self) -> None:
        """Raise ParameterError if it cannot work here: before a run."""
        ...

    def plan(self, solver: Solver, rounds: Sequence[Round], budget: float) -> Sequence[Plan]:
        """Return the plan of each round, within ``budget`` seconds for each."""
        ...


@dataclass(frozen=True)
class InTurn:
    """Plans one round after the other, here."""

    def ready(self) -> None:
        """Do nothing: there is nothing to prepare."""

    def plan(self, solver: Solver, rounds: Sequence[Round], budget: float) -> Sequence[Plan]:
        """Return what the solver says of each."""
        return [solver.solve(round_, budget) for round_ in rounds]


@dataclass(frozen=True)
class Cells:
    """Plans a large cluster as cells of equal size.

    Parameters
    ----------
    inside
        Plans each cell.
    gpus
        Of each cell; a cluster that is no larger is one cell.
    planning
        What has the cells planned: side by side where it can (``executor.cells``).

    Raises
    ------
    ParameterError
        If ``gpus`` is no whole number, or the solver inside is not preemptive.
    """

    inside: Solver = field(default_factory=Highs)
    gpus: int = 512
    planning: Planning = field(default_factory=InTurn)

    def __post_init__(self) -> None:
        whole("gpus", self.gpus)
        if not self.inside.preemptive:
            raise ParameterError("inside", self.inside.name, "a solver that may stop segments is needed in cells")

    @property
    def name(self) -> str:
        """The solver inside, and the size of the cells."""
        return f"{self.inside.name} in cells of {self.gpus}"

    @property
    def preemptive(self) -> bool:
        """It may stop segments."""
        return True

    def check(self, costs: Costs, shapes: Collection[Shape]) -> None:
        """Raise ParameterError if the cluster has no such cells, or what the solver inside has to say against one."""
        self.planning.ready()
        for cluster in dict.fromkeys(cells_of(costs.cluster, min(self.gpus, costs.cluster.gpus))):
            if isinstance(self.inside, Demanding):
                self.inside.check(costs_of(costs.profile, cluster), shapes)

    def solve(self, round_: Round, budget: float) -> Plan:
        """Plan all cells; the certificate's value is the sum of theirs, its bound one on the whole cluster."""
        began = perf_counter()
        gpus = min(self.gpus, round_.cluster.gpus)
        clusters = cells_of(round_.cluster, gpus)
        if len(clusters) == 1:
            return self.inside.solve(round_, budget)
        rounds = divided(round_, clusters, balanced(round_, gpus))
        built = perf_counter()
        plans = self.planning.plan(self.inside, rounds, budget)
        assignments, then = joined(round_, plans, gpus)
        own = [plan.certificate for plan in plans]
        value = _sum([certificate.value for certificate in own])
        bound = None
        if value is not None and isinstance(self.inside, Bounding):
            bound = self.inside.bound(round_, value, _BOUND * budget)
        status: Status = "heuristic" if value is None else "feasible"
        if value is not None and bound is not None:
            bound = max(bound, value)
            weights = [job.request.weight for job in round_.jobs if job.request.weight > 0]
            if bound - value <= TOLERANCE * min(weights, default=1.0):
                status = "optimal"
        promised = [certificate.promised for certificate in own if certificate.promised is not None]
        notes = dict.fromkeys(certificate.note for certificate in own if certificate.note)
        certificate = Certificate(
            self.name, status, value, bound, built - began, perf_counter() - built,
            any(certificate.fallback for certificate in own), "; ".join(notes),
            tuple(id_ for ids in promised for id_ in ids) if len(promised) == len(own) else None,
        )  # fmt: skip
        return Plan(assignments, certificate, then)


def _sum(values: Sequence[float | None]) -> float | None:
    """Return a sum; None if a term is missing."""
    known = [value for value in values if value is not None]
    return math.fsum(known) if len(known) == len(values) else None
