"""Segments that last until a decision could change something."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.cluster import Cluster
from planner.follow_up import follow_up
from planner.job import Job
from planner.lasting import contenders, steps_in_hand, steps_until_cheaper
from planner.plan import Assignment
from planner.round import Round
from planner.solvers.priority import Edf, Srtf
from planner.solvers.protocol import Solver
from tests.strategies import EVENTS, LARGE, MEDIUM, SMALL, TOY, job, round_of, rounds

C8 = Cluster.nvlink(8)
EVEN = [Cluster.nvlink(gpus) for gpus in (1, 2, 4, 8)]
"""Clusters on which a job whose degree is not to be had waits, rather than take turns with another at a second choice."""
RULES: dict[str, Solver] = {
    "edf": Edf(),
    "edf, not elastic": Edf(elastic=False),
    "srtf": Srtf(),
    "srtf, elastic": Srtf(2, elastic=True),
}


def split(round_: Round) -> tuple[list[Job], list[Job]]:
    """Jobs that can be on time, and those that cannot."""
    late = [j for j in round_.jobs if round_.hopeless(j)]
    return [j for j in round_.jobs if j not in late], late


@settings(max_examples=300)
@given(
    round_=rounds(cluster=st.sampled_from(EVEN), profile=st.just(TOY), cadence=st.just(EVENTS), most=5, least=1),
    rule=st.sampled_from(sorted(RULES)),
    when=st.floats(0.0, 1.0),
)
def test_asked_before_a_segment_ends_a_rule_says_the_same(round_: Round, rule: str, when: float) -> None:
    """Tests that while nobody comes or leaves every job keeps its GPUs, whenever the rule is asked before a segment ends.

    Only *edf* may let a job go on to fewer of them within the round's worth at whose end it is asked.
    """
    solver = RULES[rule]
    answer = solver.solve(round_, 0.01)
    plan, (timely, late) = answer.assignments, split(round_)
    if not (plan and answer.foreseen) or (isinstance(solver, Edf) and len(plan) < len(round_.jobs)):
        return
    jobs = {j.id: j for j in round_.jobs}
    begins, ends = max([round_.now, *(j.ready for j in round_.jobs if j.running)]), float("inf")
    for a in plan:
        begun = max(round_.now, jobs[a.jobs[0]].ready, *(round_.free_at[gpu] for gpu in a.group.gpus))
        seconds = round_.costs.of(jobs[a.jobs[0]].request.shape).by_mask[a.group.mask]
        begins = max(begins, begun + 1e-6)
        ends = min(ends, begun + (a.steps - 1) * seconds)  # a segment in its last step has none left to decide
    if begins >= ends:
        return
    later = follow_up(round_, plan, begins + when * (ends - begins) * 0.999).round_
    if [j.id for part in split(later) for j in part] == [j.id for part in (timely, late) for j in part]:
        again = {a.jobs[0]: a.group.gpus for a in solver.solve(later, 0.01).assignments}
        for a in plan:
            fewer = rule == "edf, not elastic" and set(again[a.jobs[0]]) < set(a.group.gpus)
            assert fewer or again[a.jobs[0]] == a.group.gpus
        assert len(again) == len(plan)


def test_a_job_alone_runs_to_its_end() -> None:
    """Tests that a job with time in hand gets all its steps, also a late one, and that with rounds it always did."""
    for due in (5.0, -1.0):
        round_ = round_of([job(0, LARGE, 10, due=due)], C8, cadence=EVENTS)
        for solver in RULES.values():
            (assignment,) = solver.solve(round_, 0.01).assignments
            assert assignment.steps == 10 or solver is RULES["edf, not elastic"]


def test_a_job_with_little_time_in_hand_is_looked_at_again() -> None:
    """Tests that a job which a drift of steps would make late is decided anew, in whole rounds' worths of steps."""
    round_ = round_of([job(0, LARGE, 50, due=5.1)], C8, cadence=EVENTS)
    (assignment,) = Edf().solve(round_, 0.01).assignments
    assert assignment.steps == 20  # a tenth of a second in hand is 20 steps of 5 ms more; a round holds four
    assert steps_in_hand(round_.jobs[0], 0.0, 0.1, 0.1) == 20
    assert steps_in_hand(round_.jobs[0], 0.0, 0.1, 0.2) == 0


def test_whoever_waits_is_asked_for_when_gpus_become_enough() -> None:
    """Tests that beside a job that waits, one on all GPUs runs until half of them are enough."""
    jobs = [job(0, LARGE, 40, due=4.6), job(1, MEDIUM, 10, due=9.0)]
    round_ = round_of(jobs, C8, cadence=EVENTS)
    assert (
        steps_until_cheaper(round_.costs.of(LARGE), jobs[0], 0.0, 0.1, 8) == 34
    )  # 6 steps of .19 s fit into the 1.2 s that are left then
    (assignment,) = Edf().solve(round_, 0.01).assignments
    assert (assignment.jobs, assignment.steps) == ((0,), 36)


def test_srtf_makes_room_at_the_end_of_a_chunk_only_for_a_shorter_job() -> None:
    """Tests the end of a segment beside a job that waits with less, or with more, left to do."""
    group = C8.groups(8)[0]
    for waiting, steps in ((3, 2), (50, 12)):
        jobs = [job(0, MEDIUM, 12, group=group, running=True), job(1, MEDIUM, waiting, due=9.0)]
        plan = Srtf(8).solve(round_of(jobs, C8, cadence=EVENTS), 0.01)
        assert plan.assignments == (Assignment((0,), group, steps),)


@pytest.mark.parametrize("rule", ["brief", "idle"])
def test_what_time_alone_can_change_is_looked_at_as_before(rule: str) -> None:
    """Tests clusters whose groups differ, idle GPUs beside one who waits, and late jobs whose share follows the clock."""
    jobs = [job(0, SMALL, 10), job(1, LARGE, 10, due=-1.0)]
    here = round_of(jobs, C8, cadence=EVENTS)
    alone = [Assignment((0,), C8.groups(1)[0], 5)]
    late = "brief" if rule == "brief" else "idle"
    assert (contenders(here, alone, jobs[:1], jobs[1:], late) is None) == (rule == "brief")
    assert contenders(here, [], jobs[:1], [], late) is None
    assert contenders(round_of(jobs, Cluster.nodes(3, 3), cadence=EVENTS), alone, jobs[:1], [], late) is None
    assert contenders(round_of(jobs, C8), alone, jobs[:1], [], late) is None
