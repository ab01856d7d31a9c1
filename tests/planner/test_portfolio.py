"""Plans are compared by carrying them out: never below the admitted, and turns where no order of priority serves all."""

from __future__ import annotations

from dataclasses import replace

from planner.cluster import Cluster
from planner.follow_up import to_the_end
from planner.plan import Assignment
from planner.portfolio import best_plan, crowded
from planner.round import Round
from planner.solvers.moore import Moore
from planner.solvers.priority import Edf
from planner.solvers.rotation import LeastLaxity
from tests.strategies import EVENTS, LARGE, job, round_of

C16, C32 = Cluster.nvlink(16), Cluster.nvlink(32)


def turns() -> Round:
    """Five jobs that each need eight of 32 GPUs for four seconds, and can wait for a little more than one."""
    return round_of([job(i, LARGE, 40, due=5.2 + 0.01 * i) for i in range(5)], C32, cadence=EVENTS)


def served(round_: Round, rule: Edf | Moore | LeastLaxity) -> int:
    """Jobs on time if a rule decides to the end."""
    done, _ = to_the_end(round_, rule.solve(round_, 0.01).assignments, rule)
    return sum(done.get(j.id, 99.0) <= j.due + 1e-6 for j in round_.jobs)


def test_turns_serve_what_no_order_does() -> None:
    """Tests that by deadline one of five is lost, in turns none, and that the plan of turns is then taken."""
    round_ = turns()
    assert served(round_, Edf(late="never")) == served(round_, Moore(late="never")) == 4
    assert served(round_, LeastLaxity()) == 5
    own = Moore(late="never").solve(round_, 0.01).assignments
    best = best_plan(round_, round_.jobs, [1.0] * 5, own)
    assert best == LeastLaxity().solve(round_, 0.0).assignments


def test_a_plan_that_serves_all_stands() -> None:
    """Tests that no other plan is made where the own one serves everybody."""
    round_ = round_of([job(i, LARGE, 20, due=9.0) for i in range(2)], C16, cadence=EVENTS)
    own = Moore(late="never").solve(round_, 0.01).assignments
    assert best_plan(round_, round_.jobs, [1.0] * 2, own) is own


def test_late_jobs_of_the_own_plan_are_left_out() -> None:
    """Tests that what a plan runs besides the jobs in question is not carried out."""
    round_ = round_of([job(0, LARGE, 20, due=9.0), job(1, LARGE, 5, due=-1.0)], C16, cadence=EVENTS)
    own = [Assignment((i,), C16.groups(8)[i], round_.jobs[i].steps_left) for i in range(2)]
    assert best_plan(round_, round_.jobs[:1], [1.0], own) is own


def test_jobs_given_up_that_have_waited_are_a_sign_of_overload() -> None:
    """Tests that a job that has begun, or has just come, is none, unless more was asked for of late than can be served."""
    fresh, begun = job(0, LARGE, 20, due=9.0), job(1, LARGE, 20, due=9.0)
    round_ = round_of([fresh, begun], C16, cadence=EVENTS)
    assert not crowded(round_, [])
    assert not crowded(replace(round_, demand=1.0), [])
    assert crowded(replace(round_, demand=2.0), [])
    later = Round(5.0, round_.jobs, C16, round_.profile, round_.free_at, EVENTS)
    assert crowded(later, [later.jobs[0]])
