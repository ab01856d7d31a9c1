"""Solvers side by side on one round."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings

import planner
from planner import CpSat, Edf, GreedyDp, Highs, Lookahead, Plan, PlanError, Srtf
from planner.backends.mathopt import MathOptBackend
from planner.backends.protocol import BackendError
from planner.objectives import OnTime
from planner.plan import Assignment, Certificate
from planner.programs.assignment import AssignmentProgram
from planner.round import Round
from planner.solvers.exact import Exact
from planner.yardstick import TOLERANCE
from tests.strategies import EVENTS, LARGE, job, round_of, rounds

RIVALS = round_of([job(0, LARGE, due=1.1), job(1, LARGE, due=1.1, weight=3.0)], cadence=EVENTS)
"""One second of the cluster for two jobs of one second each; a rule by deadline does not see that the second is heavier."""


@dataclass(frozen=True)
class Broken:
    """A backend that fails."""

    name: str = "broken"

    def solve(self, program: object, budget: float) -> object:
        """Fail."""
        raise BackendError("no licence")


@dataclass(frozen=True)
class Illegal:
    """A rule that gives GPUs to a request that is not there."""

    name: str = "illegal"
    preemptive: bool = True

    def solve(self, round_: Round, budget: float) -> Plan:
        """Assign request 7."""
        return Plan((Assignment((7,), round_.cluster.groups(8)[0], 1),), Certificate(self.name))


def test_regret_is_what_the_rule_did_not_see() -> None:
    """The rule takes the light request and loses two; the exact solver loses nothing, with value, bound and no gap."""
    found = planner.compare(RIVALS, [Edf(elastic=False), Highs()], programs=[Lookahead()])
    edf, highs = found.of("lookahead")
    assert (edf.regret, edf.alone, edf.status, edf.gap) == (pytest.approx(2.0), pytest.approx(2.0), "", None)
    assert (highs.regret, highs.alone, highs.status) == (
        pytest.approx(0.0, abs=1e-6),
        pytest.approx(0.0, abs=1e-6),
        "optimal",
    )
    assert highs.value == pytest.approx(3.0, abs=0.01) and highs.gap is not None and highs.gap < 1e-6
    assert highs.optimal and highs.exact and not edf.optimal and not edf.exact
    assert highs.degrees == {1: 8}


def test_the_text_is_a_table_per_program() -> None:
    """Rules stand in both tables, an exact solver in that of its program, and what there is to choose is said."""
    text = str(planner.compare(RIVALS, [GreedyDp(), CpSat(AssignmentProgram()), Highs()], budget=0.5))
    assignment, lookahead = text.split("\n\n")[1:]
    assert assignment.startswith("assignment program: optimum") and lookahead.startswith("lookahead program: optimum 3")
    assert [line.split()[0] for line in assignment.splitlines()[1:]] == ["solver", "dp", "cpsat"]
    assert [line.split()[0] for line in lookahead.splitlines()[1:]] == ["solver", "dp", "highs"]
    assert "somebody must lose" in lookahead and "2 live requests, 0 of them beyond hope, on 8 GPUs" in text


def test_names_of_ones_own() -> None:
    """A mapping names solvers; without one, two of a name are refused, as is a solver of no program asked for."""
    named = planner.compare(RIVALS, {"wide": Srtf(8), "narrow": Srtf(4)}, programs=[Lookahead()])
    assert [a.solver for a in named.answers] == ["wide", "narrow"]
    with pytest.raises(ValueError, match="two solvers are called 'edf'"):
        planner.compare(RIVALS, [Edf(), Edf(elastic=False)])
    with pytest.raises(ValueError, match="solver cpsat solves AssignmentProgram, which is none of the programs"):
        planner.compare(RIVALS, [CpSat(program=AssignmentProgram())], programs=[Lookahead()])


def test_a_solver_that_fails_is_told_from_one_that_answers() -> None:
    """The greedy plan stands for a backend that fails, with the status failed and no value; an illegal plan is an error."""
    (answered,) = planner.compare(
        RIVALS,
        [Exact(Broken(), Lookahead(), OnTime(), Edf())],
        programs=[Lookahead()],  # type: ignore[arg-type]
    ).answers
    assert (answered.status, answered.value, answered.gap) == ("failed", None, None)
    assert answered.assignments == Edf().solve(RIVALS, 1.0).assignments
    with pytest.raises(PlanError, match="request 7 is not live"):
        planner.compare(RIVALS, [Illegal()])


def _exact(program: AssignmentProgram | Lookahead) -> dict[str, Exact]:
    backends = (Highs().backend, MathOptBackend("scip"), CpSat().backend)
    return {backend.name: Exact(backend, program, OnTime()) for backend in backends}


@pytest.mark.parametrize("due", [0.9, 1.1, 1.6, 2.1, 2.6, 3.1])
def test_exact_solvers_agree_on_the_backlog(due: float) -> None:
    """Of three jobs of one second each, as many are on time as there are seconds, the heaviest first."""
    round_ = round_of([job(i, LARGE, due=due, weight=1.0 + i) for i in range(3)], cadence=EVENTS)
    found = planner.compare(round_, _exact(Lookahead()), programs=[Lookahead()])
    expected = sum((3.0, 2.0, 1.0)[: int(due)])
    assert found.yardsticks[0].optimum == pytest.approx(expected)
    for answered in found.answers:
        assert answered.value == pytest.approx(expected, abs=0.01)
        assert answered.regret == pytest.approx(0.0, abs=1e-6)


@settings(max_examples=25)
@given(rounds(most=6))
def test_no_rule_is_above_the_optimum_and_exact_solvers_are_at_it(round_: Round) -> None:
    """In one round, all exact solvers find the optimum; in both programs, no plan of a rule is worth more."""
    rules = {"dp": GreedyDp(), "edf": Edf(), "srtf": Srtf(1)}
    for program in (AssignmentProgram(), Lookahead()):
        solvers = _exact(program) if isinstance(program, AssignmentProgram) else {}
        found = planner.compare(round_, {**solvers, **rules}, programs=[program])
        stick = found.yardsticks[0]
        slack = TOLERANCE * max(1.0, abs(stick.everybody))
        for answered in found.answers:
            assert answered.worth <= stick.optimum + slack
            if answered.exact:
                assert answered.value == pytest.approx(stick.optimum - stick.nothing, abs=1e-6)
                assert answered.worth >= stick.optimum - slack
