from __future__ import annotations

from dataclasses import dataclass

import pytest

import planner
from planner import (
    SOLVERS,
    Assignment,
    AssignmentProgram,
    Cbc,
    Certificate,
    Cluster,
    CpSat,
    Edf,
    Exact,
    Fixed,
    GreedyDp,
    Highs,
    Lookahead,
    OnTime,
    ParameterError,
    Plan,
    PlanError,
    Round,
    Scip,
    check_plan,
)
from planner.backends.highs import HighsBackend
from tests.strategies import EVENTS, LARGE, MEDIUM, ROUNDS, SMALL, job, round_of

C8 = Cluster.nvlink(8)
ROUND = round_of([job(0, SMALL), job(1, MEDIUM), job(2, LARGE, due=1.5)], C8, cadence=EVENTS)


@pytest.mark.parametrize("name", SOLVERS)
def test_every_name_solves_a_round(name: str) -> None:
    """Tests that each declared name gives a legal plan in its own name, the one that the solver gives by itself."""
    plan = planner.solve(ROUND, name, budget=1.0)
    check_plan(ROUND, plan)
    assert plan.certificate.solver == SOLVERS[name]().name
    assert plan.assignments == SOLVERS[name]().solve(ROUND, 1.0).assignments != ()


@pytest.mark.parametrize("cadence", [EVENTS, ROUNDS], ids=["events", "rounds"])
@pytest.mark.parametrize("name", SOLVERS)
def test_an_empty_round_has_an_empty_plan(name: str, cadence: planner.Cadence) -> None:
    """Tests that every solver answers a round without jobs, and claims no value but nothing."""
    plan = planner.solve(round_of([], C8, cadence=cadence), name)
    assert plan.assignments == ()
    assert plan.certificate.value in (None, 0.0) and plan.certificate.bound in (None, 0.0)


@pytest.mark.parametrize("make", [CpSat, Highs, Scip, Cbc, Exact])
def test_exact_solvers_have_one_default_problem(make: type[Exact]) -> None:
    """Tests that all exact solvers solve the lookahead program for most on time, and agree on its value."""
    solver = make()
    assert (solver.program, solver.objective, solver.start) == (Lookahead(), OnTime(), Edf(lasting=False))
    certificate = planner.solve(ROUND, solver, budget=1.0).certificate
    assert (certificate.status, certificate.value) == ("optimal", 3.0)


def test_the_greedy_rule_suits_the_program() -> None:
    """Tests who makes the start: the packing of a round for the assignment program, and whom a user names for any."""
    assert Exact(HighsBackend(), AssignmentProgram()).start == GreedyDp()
    assert Highs(AssignmentProgram(), greedy=Fixed(2)).start == Fixed(2)


@dataclass
class Odd:
    """A solver that returns what it is told to."""

    answer: object
    name: str = "odd"
    preemptive: bool = True

    def solve(self, round_: Round, budget: float) -> Plan:
        """Return it."""
        return self.answer  # type: ignore[return-value]


def test_no_plan_comes_back_unchecked() -> None:
    """Tests that an illegal plan of a user's solver is refused by the rule, and no plan by the solver's name."""
    steps = Plan((Assignment((0,), C8.groups(1)[0], 99),), Certificate("odd"))
    with pytest.raises(PlanError, match="'steps in range'"):
        planner.solve(ROUND, Odd(steps))
    with pytest.raises(ParameterError, match=r"^solver odd: plan is None; solve\(round, budget\) must return a Plan"):
        planner.solve(ROUND, Odd(None))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((3, "edf", 0.01), "^round is 3; a Round"),
        ((ROUND, "gurobi", 0.01), "^solver is 'gurobi'; use a solver, or one of cpsat, highs"),
        ((ROUND, 3, 0.01), r"^solver is 3; an object with a method solve\("),
        ((ROUND, Edf, 0.01), r"^solver is .*; an object with a method solve\("),
        ((ROUND, "edf", 0.0), r"^budget is 0\.0; a positive number of seconds"),
        ((ROUND, "edf", float("nan")), "^budget is nan;"),
        ((ROUND, "edf", "10ms"), "^budget is '10ms';"),
    ],
)
def test_wrong_arguments_are_refused(arguments: tuple[object, ...], message: str) -> None:
    """Tests that an argument that cannot be is refused with its name and value."""
    with pytest.raises(ParameterError, match=message):
        planner.solve(*arguments)  # type: ignore[arg-type]


def test_every_export_is_there() -> None:
    """Tests that the package has every name that it declares, each once, in order."""
    assert all(hasattr(planner, name) for name in planner.__all__)
    assert len(set(planner.__all__)) == len(planner.__all__)
