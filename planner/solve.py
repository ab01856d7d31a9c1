"""The whole composition: a round, a solver, a checked plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from planner.check import check_plan
from planner.errors import ParameterError, is_finite
from planner.plan import Plan
from planner.round import Round
from planner.solvers.dp import GreedyDp
from planner.solvers.exact import Cbc, CpSat, Highs, Scip
from planner.solvers.fixed import Fixed, Rssp
from planner.solvers.moore import Moore
from planner.solvers.priority import Edf, Srtf
from planner.solvers.protocol import Solver

SOLVERS: Mapping[str, Callable[[], Solver]] = {
    "cpsat": CpSat,
    "highs": Highs,
    "scip": Scip,
    "cbc": Cbc,
    "moore": Moore,
    "edf": Edf,
    "srtf": Srtf,
    "dp": GreedyDp,
    "rssp": Rssp,
    "fixed": Fixed,
}
"""Solvers by name, with their defaults. The first four solve one problem: the lookahead program, most requests on time."""


def solve(round_: Round, solver: Solver | str = "cpsat", budget: float = 0.010) -> Plan:
    """Plan a round, and check the plan.

    Parameters
    ----------
    round_
        The round.
    solver
        Who plans: an object with ``solve(round, budget)``, or a name of :data:`SOLVERS`.
    budget
        Seconds of the processor that it may take.

    Raises
    ------
    ParameterError
        If the solver is none, its name is unknown, or the budget is no positive number.
    PlanError
        If the plan is not legal.
    """
    if not isinstance(round_, Round):
        raise ParameterError("round", round_, "a Round is needed")
    if not (is_finite(budget) and budget > 0):
        raise ParameterError("budget", budget, "a positive number of seconds is needed")
    if isinstance(solver, str):
        if solver not in SOLVERS:
            raise ParameterError("solver", solver, f"use a solver, or one of {', '.join(SOLVERS)}")
        solver = SOLVERS[solver]()
    elif isinstance(solver, type) or not callable(getattr(solver, "solve", None)):
        raise ParameterError(
            "solver", solver, "an object with a method solve(round, budget) is needed, such as Highs()"
        )
    plan = solver.solve(round_, budget)
    if not isinstance(plan, Plan):
        raise ParameterError("plan", plan, "solve(round, budget) must return a Plan", f"solver {solver.name}")
    check_plan(round_, plan)
    return plan
