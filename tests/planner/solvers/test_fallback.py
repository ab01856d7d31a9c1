"""The chain of :class:`planner.solvers.exact.Exact` on the assignment program: what stands, and what is certified."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.backends.protocol import BackendError, Solution
from planner.check import check_plan
from planner.cluster import Cluster
from planner.objectives import ObjectiveError, OnTime, Survivors
from planner.outcomes import Floats, Outcomes
from planner.programs.assignment import AssignmentProgram
from planner.programs.linear import LinearProgram
from planner.round import Round
from planner.solvers.dp import GreedyDp
from planner.solvers.exact import CpSat, Exact
from planner.solvers.fixed import Fixed
from tests.planner.programs.search import exhaustive
from tests.strategies import LARGE, MEDIUM, SMALL, job, round_of, rounds

C8 = Cluster.nvlink(8)
ROUND = round_of([job(0, LARGE, 10, due=1.2), job(1, MEDIUM, 10, due=0.41), job(2, SMALL, 10, due=0.6)], C8)


@dataclass(frozen=True)
class Scripted:
    """A backend that answers what it is told to."""

    reply: Callable[[LinearProgram], Solution]
    name: str = "scripted"

    def solve(self, program: LinearProgram, budget: float) -> Solution:
        """Answer."""
        return self.reply(program)


def exact(reply: Callable[[LinearProgram], Solution]) -> Exact:
    """Make a solver of the assignment program on a scripted backend."""
    return Exact(Scripted(reply), AssignmentProgram(), OnTime(), GreedyDp())


def point(x: Floats | None, status: str = "optimal", bound: float | None = None) -> Solution:
    """Make an answer that took a millisecond."""
    return Solution(x, bound, status, 0.0005, 0.001)  # type: ignore[arg-type]


def fails(program: LinearProgram) -> Solution:
    """Break down."""
    raise BackendError("out of licences")


def crashes(program: LinearProgram) -> Solution:
    """Hit a bug."""
    raise ZeroDivisionError("one over none")


BAD: dict[str, tuple[Callable[[LinearProgram], Solution], str]] = {
    "raises": (fails, "BackendError: out of licences"),
    "crashes": (crashes, "ZeroDivisionError: one over none"),
    "nothing": (lambda p: point(None, "unknown"), "no point found within the budget"),
    "short": (lambda p: point(np.zeros(p.size - 1)), "values for"),
    "square": (lambda p: point(np.zeros((p.size, 1))), "values for"),
    "list": (lambda p: point([0.0] * p.size), ""),  # type: ignore[arg-type]
    "infeasible": (lambda p: point(np.ones(p.size)), "breaks a constraint"),
    "fractional": (lambda p: point(np.full(p.size, 0.01)), "breaks a constraint"),
    "negative": (lambda p: point(np.full(p.size, -1.0)), "breaks a constraint"),
    "worse": (lambda p: point(np.zeros(p.size)), "is worth 0, the greedy plan"),
    "nan": (lambda p: point(np.full(p.size, np.nan)), ""),
}


@pytest.mark.parametrize(("reply", "note"), BAD.values(), ids=BAD)
def test_a_misbehaving_backend_leads_to_the_greedy_plan(reply: Callable[[LinearProgram], Solution], note: str) -> None:
    """Tests that whatever a backend does wrong, the greedy plan stands and the certificate says why."""
    plan = exact(reply).solve(ROUND, 0.01)
    assert plan.assignments == GreedyDp().solve(ROUND, 0.01).assignments
    assert plan.certificate.fallback
    assert plan.certificate.note
    assert note in plan.certificate.note
    assert plan.certificate.status == "heuristic"
    check_plan(ROUND, plan)


def test_a_good_answer_stands() -> None:
    """Tests that the start handed back is no fallback, and bound and times reach the certificate."""
    certificate = exact(lambda p: point(p.start, "feasible", 99.0)).solve(ROUND, 0.01).certificate
    assert not certificate.fallback
    assert (certificate.status, certificate.bound, certificate.note) == ("feasible", 99.0, "")
    assert certificate.solve_seconds == 0.001
    assert certificate.build_seconds > 0.0005


def test_a_clock_that_had_to_end_a_search_is_named() -> None:
    """Tests that a search which counts did not end, but the clock at 20 times the budget or after five seconds, is marked."""
    for budget, most in ((0.5, 10.0), (0.01, 5.0)):
        slow = exact(lambda p, s=most: Solution(p.start, 99.0, "feasible", 0.0, s)).solve(ROUND, budget).certificate
        assert not slow.fallback
        assert slow.note == f"the clock ended the search after {most:g} s"
        soon = (
            exact(lambda p, s=0.9 * most: Solution(p.start, 99.0, "feasible", 0.0, s)).solve(ROUND, budget).certificate
        )
        assert soon.note == ""


@settings(max_examples=40)
@given(rounds(most=3, least=1))
def test_cpsat_proves_the_optimum(round_: Round) -> None:
    """Tests value and bound of a plan's certificate against exhaustive search."""
    certificate = CpSat(AssignmentProgram(), OnTime()).solve(round_, 2.0).certificate
    truth = exhaustive(round_, AssignmentProgram().model(round_, OnTime(), ()))
    assert certificate.status == "optimal"
    assert not certificate.fallback
    assert certificate.value == pytest.approx(truth, abs=1e-9)
    assert certificate.bound == pytest.approx(truth, abs=1e-9)


@settings(max_examples=30)
@given(rounds(), st.sampled_from([1e-4, 1e-3, 3e-3, 0.01]))
def test_never_worse_than_greedy(round_: Round, budget: float) -> None:
    """Tests that also with hardly any budget the plan is the greedy one, marked, or worth at least as much."""
    greedy = GreedyDp().assignments(round_)
    model = AssignmentProgram().model(round_, OnTime(), greedy)
    plan = CpSat(AssignmentProgram(), OnTime()).solve(round_, budget)
    check_plan(round_, plan)
    if plan.certificate.value is None:
        assert plan.assignments == tuple(greedy)
        assert plan.certificate.fallback
        assert "variables" in plan.certificate.note
    else:
        assert plan.certificate.value >= model.linear.value(model.linear.start) - 1e-9


def test_a_users_objective_decides() -> None:
    """Tests that another objective changes the plan: one that pays for large images leaves the small ones waiting."""

    class LargeFirst:
        def rewards(self, outcomes: Outcomes) -> Floats:
            return (outcomes.pixels > 500_000) * outcomes.steps.astype(float)

    round_ = round_of([job(0, LARGE, 50, due=12.0), job(1, MEDIUM, 10, due=0.31)], Cluster.nvlink(4))
    for objective, running in ((Survivors(), {1}), (LargeFirst(), {0})):
        plan = CpSat(AssignmentProgram(conserve=False), objective).solve(round_, 1.0)
        assert {a.jobs[0] for a in plan.assignments} == running


def test_a_bad_objective_is_not_hidden() -> None:
    """Tests that an error of the user's objective is raised, not answered with the greedy plan."""

    class Nan:
        def rewards(self, outcomes: Outcomes) -> Floats:
            return np.full(len(outcomes), np.nan)

    with pytest.raises(ObjectiveError, match="objective Nan"):
        CpSat(AssignmentProgram(), Nan()).solve(ROUND, 0.01)


def test_an_empty_round() -> None:
    """Tests that a round without jobs has an empty plan, optimal without asking the backend."""
    plan = exact(crashes).solve(round_of([], C8), 0.01)
    assert plan.assignments == ()
    assert (plan.certificate.status, plan.certificate.fallback) == ("optimal", False)


def test_a_start_on_busy_gpus_is_no_measure() -> None:
    """Tests that a greedy plan that the program cannot have, since its GPU is in a step, makes no answer worse than it."""
    round_ = round_of([job(0, SMALL, 1, due=0.02)], Cluster.nvlink(1), free_at=(0.5,))
    plan = CpSat(AssignmentProgram(), OnTime(), greedy=Fixed(1)).solve(round_, 0.05)
    assert not plan.certificate.fallback
    assert plan.assignments == ()


@settings(max_examples=40)
@given(rounds(least=1))
def test_any_greedy_may_start(round_: Round) -> None:
    """Tests that a start from a solver that ignores busy GPUs neither breaks the program nor the plan."""
    plan = CpSat(AssignmentProgram(), OnTime(), greedy=Fixed(1)).solve(round_, 0.05)
    check_plan(round_, plan)
    assert not plan.certificate.fallback
