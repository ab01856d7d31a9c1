"""Where a plan leads, by hand."""

from __future__ import annotations

import pytest
from hypothesis import given

from planner.check import check_plan
from planner.cluster import Cluster
from planner.follow_up import follow_up, to_the_end
from planner.plan import Assignment
from planner.round import Round
from planner.solvers.dp import GreedyDp
from planner.solvers.priority import Edf
from tests.strategies import EVENTS, MEDIUM, ROUNDS, TOY, job, round_of, rounds

CLUSTER = Cluster.nvlink(8)
STEP = {d: TOY.step_time(MEDIUM, d, "nvlink") for d in (1, 2, 4, 8)}


def test_with_events_the_next_decision_is_the_end_of_the_first_segment() -> None:
    """The shorter segment ends; the longer one goes on, at the boundary of the step that it is in."""
    short, long = Assignment((0,), CLUSTER.groups(4)[0], 2), Assignment((1,), CLUSTER.groups(2)[2], 10)
    after = follow_up(round_of([job(0), job(1)], cadence=EVENTS), [short, long])
    now = 2 * STEP[4]
    steps = -int(-now // STEP[2])
    assert after.round_.now == pytest.approx(now)
    first, second = after.round_.jobs
    assert (first.steps_left, first.running, first.ready) == (8, False, pytest.approx(now))
    assert (second.steps_left, second.running, second.ready) == (10 - steps, True, pytest.approx(steps * STEP[2]))
    assert sum(part.gpu_seconds for part in after.carried) == pytest.approx(4 * now + 2 * steps * STEP[2])
    assert [part.assignment.steps for part in after.carried] == [2, steps]


def test_with_rounds_the_next_decision_is_a_round_later() -> None:
    """A finished job is done at the end of its last step, and no longer live."""
    after = follow_up(round_of([job(0, left=2), job(1)]), [Assignment((0,), CLUSTER.groups(8)[0], 2)])
    assert after.round_.now == pytest.approx(ROUNDS.tau)
    assert after.done == {0: pytest.approx(2 * STEP[8])}
    assert [(j.id, j.steps_left) for j in after.round_.jobs] == [(1, 10)]


def test_a_job_that_is_stopped_calls_for_a_decision_at_its_boundary() -> None:
    """What a plan begins after that boundary has not begun when the next decision is due."""
    group = CLUSTER.groups(8)[0]
    stopped = job(0, ready=0.01, group=group, running=True)
    after = follow_up(round_of([stopped, job(1)], cadence=EVENTS, free_at=(0.01,) * 8), [Assignment((1,), group, 3)])
    assert after.round_.now == pytest.approx(0.01)
    assert after.carried == ()
    assert not after.round_.jobs[0].running


def test_nothing_planned_waits_for_a_round() -> None:
    """An empty plan leaves everything as it is, a horizon later."""
    after = follow_up(round_of([job(0)], cadence=EVENTS), [])
    assert after.round_.now == pytest.approx(EVENTS.tau)
    assert after.round_.jobs == (job(0),)


def test_a_solver_that_goes_on_alone_finishes_all_that_fits() -> None:
    """Earliest deadline first serves two jobs that both fit, and each of them once."""
    round_ = round_of([job(0, due=3.0), job(1, due=3.0)], cadence=EVENTS)
    done, carried = to_the_end(round_, Edf().solve(round_, 0.01).assignments, Edf())
    assert set(done) == {0, 1} and max(done.values()) <= 3.0
    for id_ in (0, 1):
        assert sum(part.assignment.steps for part in carried if part.assignment.jobs == (id_,)) == 10


@given(rounds())
def test_no_step_is_lost_or_made_twice(round_: Round) -> None:
    """Steps left before are steps carried out and steps left after, for every job and any legal plan."""
    plan = GreedyDp().solve(round_, 0.01)
    check_plan(round_, plan)
    after = follow_up(round_, plan.assignments)
    left = {j.id: j.steps_left for j in after.round_.jobs}
    ran = {id_: part.assignment.steps for part in after.carried for id_ in part.assignment.jobs}
    for before in round_.jobs:
        assert before.steps_left == left.get(before.id, 0) + ran.get(before.id, 0)
        assert (before.id in after.done) == (before.id not in left)
    assert after.round_.now > round_.now
    check_plan(after.round_, Edf().solve(after.round_, 0.01))


def test_a_move_delays_the_first_step() -> None:
    """A job that goes on elsewhere has its new GPUs at once, and begins later; a decision meanwhile finds it there."""
    pairs = CLUSTER.groups(2)
    jobs = [job(0, group=pairs[0]), job(1, left=1)]
    round_ = round_of(jobs, cadence=EVENTS, regroup_seconds=0.3)
    assignments = [Assignment((0,), pairs[1], 10), Assignment((1,), pairs[2], 1)]
    after = follow_up(round_, assignments)
    assert after.done == {1: pytest.approx(STEP[2])}
    moving = after.round_.jobs[0]
    assert (moving.group, moving.running, moving.ready, moving.steps_left) == (pairs[1], True, pytest.approx(0.3), 10)
    assert after.round_.free_at[2] == pytest.approx(0.3)
    done, carried = to_the_end(round_, assignments, Edf())
    assert done[0] == pytest.approx(0.3 + 10 * STEP[2])
    assert sum(part.assignment.steps for part in carried) == 11
