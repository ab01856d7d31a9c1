from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.cluster import Cluster
from planner.objectives import Survivors
from planner.plan import Plan
from planner.programs.assignment import AssignmentProgram
from planner.round import EPSILON, Round
from planner.solvers.dp import GreedyDp
from tests.planner.programs.search import exhaustive
from tests.strategies import ALIKE, LARGE, MEDIUM, ROUNDS, SMALL, TOY, job, round_of, rounds

C4, C8 = Cluster.nvlink(4), Cluster.nvlink(8)
PLAIN = GreedyDp(elastic=False)


def degrees(plan: Plan) -> dict[int, int]:
    """Degree by job."""
    return {a.jobs[0]: a.group.degree for a in plan.assignments}


def survivors(round_: Round, plan: Plan) -> int:
    """Jobs that can still meet their deadline after a round of this plan."""
    end = round_.now + round_.cadence.tau
    ran = {a.jobs[0]: a.steps for a in plan.assignments}
    count = 0
    for j in round_.jobs:
        left = j.steps_left - ran.get(j.id, 0)
        count += left == 0 or end + left * round_.costs.of(j.request.shape).fastest <= j.due + EPSILON
    return count


def test_a_job_gets_its_cheapest_mix() -> None:
    """Tests that a single job runs at the degree of its mix, the fast one first while it must, as in the paper."""
    assert degrees(PLAIN.solve(round_of([job(0, MEDIUM, 10, due=1.0)], C8), 0.01)) == {0: 1}
    assert degrees(PLAIN.solve(round_of([job(0, MEDIUM, 10, due=0.3)], C8), 0.01)) == {0: 4}


def test_packing_maximizes_survivors() -> None:
    """Tests three urgent jobs on four GPUs of which two fit: two cheap ones are kept rather than one dear one."""
    jobs = [job(0, LARGE, 4, due=0.8), job(1, MEDIUM, 8, due=0.41), job(2, MEDIUM, 8, due=0.41)]
    plan = PLAIN.solve(round_of(jobs, C4), 0.01)
    assert degrees(plan) == {1: 2, 2: 2}


@settings(max_examples=80)
@given(rounds(cluster=st.sampled_from(ALIKE), profile=st.just(TOY), cadence=st.just(ROUNDS), busy=False, most=4))
def test_every_degree_offered_gives_the_most_survivors(round_: Round) -> None:
    """Tests that with all degrees on offer no assignment of real groups lets more jobs survive the round.

    Jobs that run out of steps within the round are left out: there the paper's rule does not look at the deadline.
    """
    model = AssignmentProgram("groups").model(round_, Survivors(), ())
    if any(round_.jobs[option.job].steps_left == option.steps for option in model.options):
        return
    best = round(exhaustive(round_, model) + model.constant) if round_.jobs else 0
    assert survivors(round_, GreedyDp(allocation=False).solve(round_, 0.01)) == best


@settings(max_examples=60)
@given(rounds())
def test_late_jobs_never_displace_timely_ones(round_: Round) -> None:
    """Tests that jobs past hope change nothing for the others."""
    timely = tuple(j for j in round_.jobs if not round_.hopeless(j))
    alone = replace(round_, jobs=timely)
    both, ours = ({a.jobs: (a.group, a.steps) for a in GreedyDp().solve(r, 0.01).assignments} for r in (round_, alone))
    assert {jobs: where for jobs, where in both.items() if jobs[0] in {j.id for j in timely}} == ours


def test_late_jobs_use_what_is_left() -> None:
    """Tests that a late job runs on one GPU beside a timely one."""
    jobs = [job(0, MEDIUM, 10, due=0.3), job(1, SMALL, 10, due=-1.0)]
    assert degrees(PLAIN.solve(round_of(jobs, C8), 0.01)) == {0: 4, 1: 1}


def test_switches() -> None:
    """Tests that each stage of the algorithm can be switched off, and then shows."""
    held = C8.groups(1)[7]
    round_ = round_of([job(0, MEDIUM, 10, due=1.0, group=held)], C8)
    assert PLAIN.solve(round_, 0.01).assignments[0].group == held
    assert GreedyDp(elastic=False, preserve=False).solve(round_, 0.01).assignments[0].group == C8.groups(1)[0]
    assert degrees(GreedyDp().solve(round_, 0.01)) == {0: 8}
    everything = GreedyDp(elastic=False, allocation=False).solve(round_, 0.01)
    assert degrees(everything) == {0: 4}


@pytest.mark.parametrize(("waiting", "running"), [(True, {1}), (False, {0})])
def test_whether_waiting_survives(waiting: bool, running: set[int]) -> None:
    """Tests one GPU for a job that can wait, with more work, and one that cannot: who can wait does, if that counts."""
    patient, urgent = job(0, MEDIUM, 20, due=9.0), job(1, SMALL, 10, due=0.55)
    plan = GreedyDp(elastic=False, waiting=waiting).solve(round_of([patient, urgent], Cluster.nvlink(1)), 0.01)
    assert set(degrees(plan)) == running


def test_ties_go_to_the_plan_that_runs_more_survivors() -> None:
    """Tests three jobs that all survive waiting, with GPUs for one large or two small ones: both small ones run."""
    jobs = [job(0, LARGE, 10, due=4.05), job(1, SMALL, 1, due=0.9), job(2, SMALL, 1, due=0.9)]
    assert degrees(PLAIN.solve(round_of(jobs, Cluster.nvlink(2)), 0.01)) == {1: 1, 2: 1}
