"""Successors: what begins on GPUs that become free between plans."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from planner.check import PlanError, check_plan
from planner.cluster import Cluster
from planner.plan import Assignment, Plan, no_claim
from planner.refill import refill
from planner.round import Round
from planner.solvers.moore import Moore
from planner.solvers.priority import Edf
from tests.strategies import EVENTS, LARGE, MEDIUM, ROUNDS, SMALL, job, round_of, rounds

C8 = Cluster.nvlink(8)


def ending(round_: Round) -> list[Assignment]:
    """The plan in which what runs goes on to its end."""
    return [Assignment((j.id,), j.group, j.steps_left) for j in round_.jobs if j.running and j.group is not None]


@settings(max_examples=100)
@given(rounds(least=1))
def test_plans_with_successors_are_legal(round_: Round) -> None:
    """Tests that plans of rules pass the check with what follows them, and that nothing follows with events."""
    for rule in (Edf(), Moore()):
        plan = rule.solve(round_, 0.01)
        check_plan(round_, plan)
        assert not plan.then or round_.cadence.kind == "rounds"


def test_the_cheapest_follows_what_ends() -> None:
    """Tests that two small jobs follow on the two GPUs that a job leaves within the round, and nothing is named twice."""
    runs = job(0, MEDIUM, 1, due=9.0, group=C8.groups(2)[0], running=True, ready=0.1)
    waiting = [job(1, LARGE, 10, due=1.5), job(2, SMALL, 10, due=9.0), job(3, SMALL, 10, due=9.0)]
    round_ = round_of([runs, *waiting], C8, cadence=ROUNDS, free_at=(0.1, 0.1, *(0.0,) * 6))
    then = refill(round_.off_grid, ending(round_), round_.jobs)
    assert [(a.jobs, a.group.gpus, a.steps) for a in then] == [((2,), (0,), 10), ((3,), (1,), 10)]
    assert refill(round_of([runs, *waiting], C8, cadence=EVENTS), ending(round_), round_.jobs) == ()


def test_a_job_that_would_be_late_does_not_follow() -> None:
    """Tests that GPUs stay idle rather than begin what cannot be in time from then on."""
    runs = job(0, MEDIUM, 1, due=9.0, group=C8.groups(1)[0], running=True, ready=0.1)
    round_ = round_of([runs, job(1, LARGE, 10, due=1.2)], C8, cadence=ROUNDS, free_at=(0.1, *(0.0,) * 7))
    assert refill(round_.off_grid, ending(round_), round_.jobs) == ()


def test_the_check_refuses_what_follows_nothing() -> None:
    """Tests that a successor on GPUs that no job leaves, or of a job that the plan runs, is an error."""
    runs = job(0, MEDIUM, 2, due=9.0, group=C8.groups(1)[0], running=True)
    round_ = round_of([runs, job(1, SMALL, 10, due=9.0)], C8, cadence=ROUNDS)
    plan = tuple(ending(round_))
    check_plan(round_, Plan(plan, no_claim("by hand"), (Assignment((1,), C8.groups(1)[0], 10),)))
    with pytest.raises(PlanError, match="after an end"):
        check_plan(round_, Plan(plan, no_claim("by hand"), (Assignment((1,), C8.groups(1)[1], 10),)))
    with pytest.raises(PlanError, match="job once"):
        check_plan(round_, Plan(plan, no_claim("by hand"), (Assignment((0,), C8.groups(1)[0], 1),)))
