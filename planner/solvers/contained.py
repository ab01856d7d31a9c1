"""A user's own solver: tried before anything runs, and held to the rules of a solver in every decision."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from planner.check import PlanError, check_plan
from planner.costs import Costs
from planner.errors import FAILURES, said
from planner.limit import TookTooLong, time_limit
from planner.load import LoadError, load_own
from planner.plan import Plan
from planner.round import Round
from planner.solvers.protocol import Demanding, Solver
from planner.testing.rounds import ConformanceError
from planner.testing.solvers import SIGNATURE, check_call, check_solver
from profiles.shape import Shape

SECONDS = 20.0
"""On the clock, for a decision beyond ten times its budget."""


class SolverError(ValueError):
    """A solver broke a rule in a decision; the message names it, the decision and what would be right."""


@dataclass(frozen=True)
class Contained:
    """A solver whose mistakes end the run with one message.

    Parameters
    ----------
    solver
        The user's; without a ``name`` it is called as its class, and without ``preemptive`` it may stop what runs.
    where
        For messages: its file and class.
    """

    solver: Any
    where: str

    @property
    def name(self) -> str:
        """For tables."""
        return str(getattr(self.solver, "name", type(self.solver).__name__))

    @property
    def preemptive(self) -> bool:
        """Whether it may stop a running segment."""
        return bool(getattr(self.solver, "preemptive", True))

    def check(self, costs: Costs, shapes: Collection[Shape]) -> None:
        """Let it check, if it does."""
        if isinstance(self.solver, Demanding):
            self.solver.check(costs, shapes)

    def solve(self, round_: Round, budget: float) -> Plan:
        """Ask it, and check the answer.

        Raises
        ------
        SolverError
            If it raises, does not end, returns no plan, or an illegal one.
        """
        try:
            with time_limit(SECONDS + 10 * budget):
                plan = self.solver.solve(round_, budget)
        except TookTooLong as error:
            raise self._error(round_, f"solve() {error}") from None
        except FAILURES as error:
            raise self._error(round_, f"solve() raised {said(error)}") from error
        if not isinstance(plan, Plan):
            raise self._error(round_, f"solve() returned {type(plan).__name__}; a planner.Plan is needed")
        try:
            check_plan(round_, plan)
        except PlanError as error:
            raise self._error(round_, str(error)) from None
        return plan

    def _error(self, round_: Round, what: str) -> SolverError:
        jobs = ", ".join(str(job.request.id) for job in round_.jobs[:8])
        return SolverError(
            f"{self.where}: in the decision at {round_.now:.3f} s, with {len(round_.jobs)} live requests ({jobs}"
            f"{', ...' if len(round_.jobs) > 8 else ''}): {what}"
        )


def load_solver(file: str | Path, name: str = "", arguments: Mapping[str, Any] | None = None) -> Solver:
    """Import a Python file and make the solver that it defines, after a trial on small rounds.

    Parameters
    ----------
    file
        Path of the Python file.
    name
        The class to take; may be left empty when the file defines exactly one with a method ``solve``.
    arguments
        Keyword arguments of its constructor.

    Raises
    ------
    LoadError
        If the file does not give a solver, or the solver breaks a rule on a small round (:mod:`planner.testing`).
    """
    solver = load_own("solver", SIGNATURE, file, name, arguments)
    where = f"solver file {file}: {type(solver).__name__}"
    try:
        check_call(solver.solve)
        check_solver(Contained(solver, where))
    except (ConformanceError, SolverError) as error:
        text = str(error)
        raise LoadError(text if text.startswith(where) else f"{where}: {text}") from None
    return Contained(solver, where)
