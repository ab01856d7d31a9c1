"""What plans are worth, on rounds whose optimum is known by hand."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from planner import Edf
from planner.cluster import Cluster
from planner.objectives import GpuSeconds, LeastShare, OnTime, Tardiness, Term, Weighted
from planner.plan import Assignment
from planner.programs.assignment import AssignmentProgram
from planner.programs.lookahead import Lookahead
from planner.programs.lookahead_model import LookaheadModel
from planner.round import Round
from planner.solvers.exact import Highs
from planner.yardstick import TOLERANCE, has_choice, has_conflict, yardstick
from tests.strategies import EVENTS, LARGE, SMALL, job, round_of, rounds

ALL = Cluster.nvlink(8).groups(8)[0]


def _rivals(due: float, weight: float = 1.0) -> Round:
    """Two large jobs of ten steps, of .1 s each on all GPUs: one second of the cluster for either."""
    return round_of([job(0, LARGE, due=due), job(1, LARGE, due=due, weight=weight)], cadence=EVENTS)


def test_one_of_two_rivals_is_served() -> None:
    """Where one second is there for two jobs of one second, the optimum is the heavier one, and somebody must lose."""
    stick = yardstick(_rivals(1.1, weight=3.0), Lookahead(), OnTime())
    assert (stick.optimum, stick.everybody, stick.nothing, stick.proven) == (pytest.approx(3.0), 4.0, 0.0, True)
    assert has_choice(stick) and has_conflict(stick)
    assert stick.worth([Assignment((1,), ALL, 10)]) == pytest.approx(3.0)
    assert stick.worth([Assignment((0,), ALL, 10)]) == pytest.approx(1.0)
    assert stick.worth([]) == pytest.approx(3.0 if 0.4 + 1.0 <= 1.1 else 0.0)


def test_two_rivals_that_both_fit_are_a_choice_without_conflict() -> None:
    """Two seconds are enough for both; to waste the first one loses one of them."""
    stick = yardstick(_rivals(2.05), Lookahead(), OnTime())
    assert stick.optimum == pytest.approx(2.0)
    assert has_choice(stick) and not has_conflict(stick)
    assert stick.worth([Assignment((0,), ALL, 10)]) == pytest.approx(2.0)
    assert stick.worth([]) == pytest.approx(1.0)


def test_a_single_request_is_no_choice() -> None:
    """With one request that can be on time there is nothing to choose, however late the others are."""
    round_ = round_of([job(0, LARGE, due=1.1), job(1, LARGE, due=0.2)], cadence=EVENTS)
    for program in (AssignmentProgram(), Lookahead()):
        assert not has_choice(yardstick(round_, program, OnTime()))


def test_one_round_counts_those_that_survive_it() -> None:
    """Two jobs must run now on all GPUs, a third can wait: one survives by waiting, two at best, three never."""
    tight = [job(0, LARGE, due=1.01), job(1, LARGE, due=1.01)]
    stick = yardstick(round_of([*tight, job(2, SMALL, due=9.0)]), AssignmentProgram(), OnTime())
    assert (stick.nothing, stick.optimum, stick.everybody) == (
        pytest.approx(1.0),
        pytest.approx(2.0),
        pytest.approx(3.0),
    )
    assert has_conflict(stick)
    assert stick.worth([Assignment((1,), ALL, 4)]) == pytest.approx(2.0)
    assert stick.worth([Assignment((2,), ALL, 10)]) == pytest.approx(1.0)
    assert stick.alone([Assignment((1,), ALL, 4)], Highs(), 0.1) is None


def test_going_on_alone_is_worth_what_is_then_on_time() -> None:
    """An exact solver that begins with one of two rivals ends with it; with both, where both fit."""
    for due, worth in ((1.1, 1.0), (2.05, 2.0)):
        round_ = _rivals(due)
        stick = yardstick(round_, Lookahead(), OnTime())
        assert stick.alone([Assignment((0,), ALL, 10)], Highs(), 1.0) == pytest.approx(worth)


def test_a_price_is_paid_for_what_has_run_and_for_what_is_left() -> None:
    """Ten steps on all GPUs are eight GPU-seconds, of which seven would have done on one; the price is paid for them."""
    objective = Weighted((Term(OnTime()), Term(GpuSeconds(), 0.01)))
    stick = yardstick(round_of([job(0, LARGE, due=9.0)], cadence=EVENTS), Lookahead(), objective)
    assert stick.optimum == pytest.approx(1.0 - 0.07)
    assert stick.worth([Assignment((0,), ALL, 10)]) == pytest.approx(1.0 - 0.08)


def test_weights_are_those_before_the_plan() -> None:
    """Tardiness changes with what is left, but what a job is worth does not change by working on it."""
    stick = yardstick(_rivals(1.1), Lookahead(), Tardiness())
    assert stick.worth([Assignment((0,), ALL, 5)]) == pytest.approx(stick.optimum)


def test_what_has_no_yardstick_is_refused() -> None:
    """A least share is no sum over jobs, and a batch is no option of single jobs."""
    for program in (AssignmentProgram(), Lookahead()):
        with pytest.raises(ValueError, match="least share"):
            yardstick(_rivals(1.1), program, LeastShare())
    with pytest.raises(ValueError, match=r"^batching is True"):
        yardstick(_rivals(1.1), AssignmentProgram(batching=True), OnTime())
    with pytest.raises(ValueError, match="runs a batch"):
        yardstick(_rivals(1.1), AssignmentProgram(), OnTime()).worth([Assignment((0, 1), ALL, 3)])


@settings(max_examples=40)
@given(rounds())
def test_nothing_is_worth_more_than_the_optimum(round_: Round) -> None:
    """Neither doing nothing nor an exact plan of either program exceeds the optimum of any program."""
    for program in (AssignmentProgram(), Lookahead()):
        stick = yardstick(round_, program, OnTime())
        slack = TOLERANCE * max(1.0, abs(stick.everybody))
        assert stick.nothing - slack <= stick.optimum <= stick.everybody + slack
        for plan in ((), Highs(program=program, objective=OnTime()).solve(round_, 1.0).assignments):
            assert stick.worth(plan) <= stick.optimum + slack


def test_an_optimum_that_needs_no_solver_is_that_of_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests three large jobs of which bounds say that one is given up, and two that fit, against the program's optimum."""
    rivals = [job(i, LARGE, 10, due=1.15 + 0.95 * i) for i in range(2)]
    some = [
        round_of(jobs, Cluster.nvlink(8), cadence=EVENTS) for jobs in (rivals, [*rivals, job(2, LARGE, 10, due=2.0)])
    ]
    settled = [yardstick(round_, Lookahead(), OnTime()).optimum for round_ in some]
    monkeypatch.setattr(LookaheadModel, "settled", lambda self: None)
    assert settled == pytest.approx([yardstick(round_, Lookahead(), OnTime()).optimum for round_ in some])
    assert settled == pytest.approx([2.0, 2.0])


@settings(max_examples=60, deadline=None)
@given(rounds())
def test_every_optimum_is_that_of_the_program(round_: Round) -> None:
    """Tests on any round that what bounds settle is worth what the program is."""
    settled = yardstick(round_, Lookahead(), OnTime()).optimum
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LookaheadModel, "settled", lambda self: None)
        assert settled == pytest.approx(yardstick(round_, Lookahead(), OnTime()).optimum, abs=1e-6)


def test_with_a_price_late_jobs_are_not_in_it() -> None:
    """Tests that to serve a late job as well costs a plan nothing, and that jobs given up cost their least."""
    cost = Weighted((Term(OnTime()), Term(GpuSeconds(), 0.01)))
    round_ = round_of([job(0, LARGE, 10, due=0.2), job(1, LARGE, 10, due=3.0)], cadence=EVENTS)
    stick = yardstick(round_, Lookahead(), cost)
    plan = Highs(Lookahead(), cost).solve(round_, 1.0)
    assert {id_ for a in plan.assignments for id_ in a.jobs} == {0, 1}
    alone = [assignment for assignment in plan.assignments if assignment.jobs == (1,)]
    assert stick.worth(plan.assignments) == pytest.approx(stick.worth(alone))
    never = Edf(late="never")
    rivals = _rivals(1.1)
    stick = yardstick(rivals, Lookahead(), cost)
    carried = stick.alone(never.solve(rivals, 1.0).assignments, never, 1.0)
    assert carried == pytest.approx(1.0 - 0.01 * (8.0 + rivals.least_gpu_seconds(rivals.jobs[1])))
    assert carried <= stick.optimum + TOLERANCE
