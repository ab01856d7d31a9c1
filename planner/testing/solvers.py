"""What every solver keeps."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from planner.check import PlanError, check_plan
from planner.plan import Plan
from planner.round import Round
from planner.testing.rounds import ConformanceError, small_rounds

SIGNATURE = "solve(round_, budget)"
BUDGET = 0.05


def check_solver(solver: Any, rounds: Iterable[Round] | None = None, budget: float = BUDGET) -> None:
    """Check that a solver is one.

    Rules: it has a name, ``preemptive`` and ``solve(round_, budget)``; it answers with a legal plan, the same when asked
    again, and leaves the round as it was; where value and bound are named, the bound is no less.

    Parameters
    ----------
    solver
        To be checked.
    rounds
        On these; by default on :func:`planner.testing.rounds.small_rounds`.
    budget
        Seconds of the processor for each decision.

    Raises
    ------
    ConformanceError
        If it breaks a rule.
    """
    _check_form(solver)
    for number, round_ in enumerate(small_rounds() if rounds is None else rounds):
        where = f"on example round {number} ({len(round_.jobs)} live requests, {round_.cluster.gpus} GPUs)"
        before = _snapshot(round_)
        plan = solver.solve(round_, budget)
        if not isinstance(plan, Plan):
            raise ConformanceError(f"{where}, solve() returned {type(plan).__name__}; a planner.Plan is needed")
        try:
            check_plan(round_, plan)
        except PlanError as error:
            raise ConformanceError(f"{where}: {error}") from None
        if _snapshot(round_) != before:
            raise ConformanceError(f"{where}, solve() changed the round; it belongs to the tracker: work on a copy")
        value, bound = plan.certificate.value, plan.certificate.bound
        if value is not None and bound is not None and value > bound + 1e-6 * max(1.0, abs(bound)):
            raise ConformanceError(f"{where}, the certificate's value {value:g} exceeds its bound {bound:g}")
        if solver.solve(round_, budget).assignments != plan.assignments:
            raise ConformanceError(
                f"{where}, solve() gave another plan when asked again; equal rounds need equal plans: keep no state, draw "
                "nothing at random"
            )


def _check_form(solver: Any) -> None:
    solve = getattr(solver, "solve", None)
    if not callable(solve):
        raise ConformanceError(f"it has no method {SIGNATURE}, which is needed")
    if not isinstance(getattr(solver, "name", None), str) or not isinstance(getattr(solver, "preemptive", None), bool):
        raise ConformanceError("it needs a name (str), and preemptive (bool): whether it may stop a running segment")
    check_call(solve)


def check_call(solve: Callable[..., Any]) -> None:
    """Check that a method can be called as ``solve(round_, budget)``.

    Raises
    ------
    ConformanceError
        If it takes other arguments.
    """
    try:
        inspect.signature(solve).bind(None, BUDGET)
    except TypeError as error:
        raise ConformanceError(f"its solve{inspect.signature(solve)} does not take (round_, budget): {error}") from None


def _snapshot(round_: Round) -> object:
    """Return all that a solver can reach of a round."""
    costs = {job.request.shape: dict(round_.costs.of(job.request.shape).step_time) for job in round_.jobs}
    return round_.to_dict(), costs
