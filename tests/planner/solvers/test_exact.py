"""The chain of greedy plan, solver and fallback: whatever a solver of programs does, a legal plan comes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.backends.protocol import BackendError, Solution
from planner.check import check_plan
from planner.cluster import Cluster
from planner.objectives import Fairness, GpuSeconds, Objective, OnTime, Tardiness, Term, Weighted
from planner.programs.linear import LinearProgram
from planner.programs.lookahead import Lookahead
from planner.round import Round
from planner.solvers.exact import Cbc, CpSat, Exact, Highs, Scip
from planner.solvers.priority import Edf
from tests.strategies import EVENTS, LARGE, MEDIUM, SMALL, job, round_of, rounds

C8 = Cluster.nvlink(8)
OVERLOADED = round_of([job(i, LARGE, 40, due=4.2 + 0.1 * i) for i in range(3)], C8, cadence=EVENTS)


@dataclass(frozen=True)
class Misbehaving:
    """A solver that does what it is told, however wrong."""

    act: Callable[[LinearProgram], Solution]
    name: str = "misbehaving"

    def solve(self, program: LinearProgram, budget: float) -> Solution:
        """Misbehave."""
        return self.act(program)


class Hasty(Lookahead):
    """A program that looks ahead and has no way of its own where it does not fit the budget."""

    def rough(self, round_: Round, objective: Objective, budget: float) -> None:
        """Return nothing."""


def test_what_does_not_fit_and_cannot_help_itself_still_serves() -> None:
    """Tests that the greedy plan stands for a program that looks ahead, too, where it does not fit the budget."""
    plan = replace(Highs(), program=Hasty()).solve(OVERLOADED, 1e-9)
    check_plan(OVERLOADED, plan)
    assert plan.assignments
    assert plan.certificate.fallback


def crash(program: LinearProgram) -> Solution:
    """Raise an error of the solver's own."""
    raise BackendError("license expired")


def stumble(program: LinearProgram) -> Solution:
    """Raise an error that nobody foresaw."""
    raise ZeroDivisionError("division by zero")


def answer(point: Callable[[LinearProgram], np.ndarray | None]) -> Callable[[LinearProgram], Solution]:
    """Answer with a point and claim that it is optimal."""
    return lambda program: Solution(point(program), None, "optimal", 0.0, 0.0)


WRONG = {
    "license expired": crash,
    "ZeroDivisionError": stumble,
    "no point found": answer(lambda program: None),
    "values for": answer(lambda program: np.zeros(program.size + 1)),
    "breaks a constraint by inf": answer(lambda program: np.full(program.size, np.nan)),
    "breaks a constraint by": answer(lambda program: np.ones(program.size)),
    "is worth": answer(lambda program: np.zeros(program.size)),
}


@pytest.mark.parametrize("note", WRONG)
def test_the_greedy_plan_stands_in(note: str) -> None:
    """Tests that a solver which raises, is silent, or answers rubbish leaves the greedy plan and a note of why."""
    solver = Exact(Misbehaving(WRONG[note]), Lookahead(), OnTime(), Edf())
    plan = solver.solve(OVERLOADED, 1.0)
    assert plan.certificate.fallback
    assert note in plan.certificate.note
    assert plan.certificate.status == "heuristic"
    assert plan.assignments == Edf().solve(OVERLOADED, 1.0).assignments


@settings(max_examples=60, deadline=None)
@given(rounds(most=5), st.sampled_from(sorted(WRONG)))
def test_no_misbehaviour_makes_an_illegal_plan(round_: Round, note: str) -> None:
    """Tests on any round that what comes back passes the check."""
    check_plan(round_, Exact(Misbehaving(WRONG[note]), Lookahead(), OnTime(), Edf()).solve(round_, 1.0))


@pytest.mark.parametrize("make", [Highs, Scip, Cbc, lambda: CpSat(Lookahead(), OnTime(), Edf())])
def test_every_solver_serves_the_same_number_of_jobs(make: Callable[[], Exact]) -> None:
    """Tests that the lookahead program has one optimal value, whoever solves it."""
    plan = make().solve(OVERLOADED, 10.0)
    check_plan(OVERLOADED, plan)
    reference = Highs().solve(OVERLOADED, 10.0).certificate
    assert reference.value is not None
    assert plan.certificate.value == pytest.approx(reference.value, abs=1e-4)
    assert plan.certificate.status == "optimal" or plan.certificate.solver == "cpsat"  # on its grid, a gap may stay


def test_a_bound_below_the_plan_is_not_used() -> None:
    """Tests that a solver that proves less than its own point is worth proves nothing."""

    def belittle(program: LinearProgram) -> Solution:
        answer = Highs().backend.solve(program, 1.0)
        assert answer.bound is not None
        return replace(answer, bound=answer.bound - 1.5)

    certificate = Exact(Misbehaving(belittle)).solve(OVERLOADED, 1.0).certificate
    assert (certificate.status, certificate.bound) == ("feasible", None)
    assert "refuted" in certificate.note


@pytest.mark.parametrize("make", [CpSat, Highs, Scip, Cbc])
def test_a_deadline_met_by_a_billionth_is_met(make: Callable[[], Exact]) -> None:
    """Tests two jobs that are on time together, one of them by the rounding of a time: no solver proves that one is lost."""
    cluster = Cluster("no-singles", 4, Cluster.nvlink(4).edges, ("nvlink",), "aligned", (2, 4))
    jobs = [job(0, SMALL, 1, due=1.0), job(1, SMALL, 2, due=0.036), job(2, MEDIUM, 1, due=0.03)]
    worth = Weighted((Term(Tardiness(), 0.5), Term(Fairness(), 3.0), Term(GpuSeconds(), 0.003)))
    certificate = (
        replace(make(), objective=worth).solve(round_of(jobs, cluster, free_at=(0.5, 0, 0, 0)), 1.0).certificate
    )
    assert certificate.status == "optimal"
    assert certificate.promised == (0, 1)
