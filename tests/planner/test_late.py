"""Requests that can no longer be on time are served in the manner that the rule says, and out of the others' way."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner import Edf, GreedyDp, Moore, Srtf
from planner.cluster import Cluster
from planner.errors import ParameterError
from planner.idle import mask_of
from planner.late import LATE_RULES, PATIENCE, LateRule, serve_late
from planner.plan import Assignment
from planner.programs.lookahead import Lookahead
from planner.round import Round
from planner.solvers.exact import Highs
from tests.strategies import EVENTS, GAPPY, LARGE, MEDIUM, ROUNDS, SMALL, TABLE, job, profile_of, round_of, rounds

C8 = Cluster.nvlink(8)
NARROW = profile_of({LARGE: {1: 0.3}}, batches=(), name="narrow")
"""Steps on one GPU alone."""


def served(late: LateRule, *jobs: object, cluster: Cluster = C8) -> dict[int, int]:
    """Degree of each job that lookahead's plan runs under a rule."""
    plan = Highs(Lookahead(late=late)).solve(round_of(jobs, cluster, GAPPY, cadence=EVENTS), 1.0)  # type: ignore[arg-type]
    return {assignment.jobs[0]: assignment.group.degree for assignment in plan.assignments}


def test_late_jobs_stay_out_of_the_way() -> None:
    """Tests that a lone late job whose steps would be long on what is left gets nothing, but idle GPUs under ``idle``."""
    timely, late, c4 = job(0, SMALL, 10, due=5.0), job(1, LARGE, 40, due=0.5), Cluster.nvlink(4)
    for rule in ("brief", "quiet", "never"):
        assert served(rule, timely, late, cluster=c4) == {0: 2}
    assert set(served("idle", timely, late, cluster=c4)) == {0, 1}
    assert served("brief", timely, late) == {0: 2, 1: 4}


def test_a_lone_late_job_gets_all() -> None:
    """Tests that nothing but ``never`` and ``idle`` lets a late job wait for GPUs that nobody uses."""
    late = job(1, LARGE, 40, due=0.5)
    assert served("brief", late) == served("quiet", late) == served("idle", late) == {1: 4}
    assert served("never", late) == {}


@pytest.mark.parametrize("rule", ["brief", "quiet"])
def test_no_gpu_idles_where_one_job_cannot_use_all(rule: LateRule) -> None:
    """Tests that late jobs whose steps are fastest on one GPU run side by side."""
    late = [job(i, LARGE, 12, due=0.5) for i in range(3)]
    placed = serve_late(round_of(late, C8, NARROW, cadence=EVENTS), [], late, C8.full_mask, rule, timely=False)
    assert {(a.jobs[0], a.group.degree) for a in placed} == {(0, 1), (1, 1), (2, 1)}


def test_the_fastest_step_is_always_short_enough() -> None:
    """Tests that under ``brief`` a late job runs on GPUs that jobs on time leave idle, if its steps are fastest there."""
    late = [job(0, LARGE, 12, due=0.5)]
    (placed,) = serve_late(round_of(late, C8, NARROW, cadence=EVENTS), [], late, C8.full_mask, "brief", timely=True)
    assert placed.group.degree == 1


def test_a_backlog_is_served_cheaply() -> None:
    """Tests that forty late jobs run eight at a time on one GPU each, the earliest deadlines first, beside a timely one."""
    late = [job(i, LARGE, 40, due=0.5 - 0.01 * i) for i in range(40)]
    assert PATIENCE * 40 * 40 * 0.3 / 8 > 0.3
    placed = serve_late(round_of(late, C8, GAPPY, cadence=EVENTS), [], late, C8.full_mask, "brief", timely=True)
    assert {(a.jobs[0], a.group.degree, a.steps) for a in placed} == {(i, 1, 40) for i in range(32, 40)}
    assert len(serve_late(round_of(late, C8, GAPPY), [], late, C8.full_mask, "quiet", timely=True)) == 0


def test_jobs_side_by_side_move_apart_where_nobody_else_fits() -> None:
    """Tests two late jobs that stopped on neighbours: they take four GPUs each as the others need eight."""
    ones = C8.groups(1)
    small = [job(i, MEDIUM, 27, due=-2.0, group=ones[i]) for i in range(2)]
    large = [job(i, LARGE, 50, due=-1.0) for i in range(2, 5)]
    round_ = round_of([*small, *large], C8, cadence=EVENTS)
    placed = serve_late(round_, [], round_.jobs, C8.full_mask, "brief", timely=True)
    assert {(a.jobs[0], a.group.gpus, a.steps) for a in placed} == {(0, (0, 1, 2, 3), 27), (1, (4, 5, 6, 7), 27)}
    stay = serve_late(round_, [], round_.jobs, C8.full_mask, "brief", timely=True, elastic=False)
    assert {a.group.gpus for a in stay} == {(0,), (1,)}


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 13])
def test_steps_are_short_beside_the_work_that_waits(count: int) -> None:
    """Tests that no late job has a step that is longer than the rule's share of the backlog, unless it has none shorter."""
    late = [job(i, LARGE, 50, due=0.5) for i in range(count)]
    round_ = round_of(late, C8, cadence=EVENTS)
    longest = PATIENCE * count * 50 * min(d * t for d, t in TABLE[LARGE].items()) / 8
    for assignment in serve_late(round_, [], late, C8.full_mask, "brief", timely=True):
        assert TABLE[LARGE][assignment.group.degree] <= max(longest, min(TABLE[LARGE].values()))


@settings(max_examples=150)
@given(rounds(least=1), st.sampled_from(LATE_RULES), st.booleans())
def test_late_jobs_take_what_is_free(round_: Round, rule: LateRule, timely: bool) -> None:
    """Tests that groups are disjoint and inside the mask, and that somebody runs when nobody is in time."""
    late = [j for j in round_.jobs if round_.hopeless(j)]
    placed: list[Assignment] = serve_late(round_, [], late, round_.cluster.full_mask, rule, timely)
    assert sum(a.group.degree for a in placed) == mask_of(placed).bit_count()
    assert {a.jobs[0] for a in placed} <= {j.request.id for j in late}
    if late and rule != "never" and not timely and round_.cadence.kind == "events":
        assert placed
    if rule == "never" or (rule == "quiet" and timely):
        assert not placed


def test_rounds_hold_whole_steps() -> None:
    """Tests that with rounds a late job gets as many steps as fit, and at least one where none does."""
    late = [job(0, LARGE, 40, due=0.5)]
    (placed,) = serve_late(round_of(late, C8, cadence=ROUNDS), [], late, C8.full_mask, "brief", timely=False)
    assert (placed.group.degree, placed.steps) == (8, 4)


@pytest.mark.parametrize(
    "made",
    [GreedyDp, Edf, Srtf, Moore, Lookahead],
)
def test_other_words_are_refused(made: Callable[..., object]) -> None:
    """Tests that everything with a rule for late jobs names its parameter, the word and the rules that there are."""
    with pytest.raises(ParameterError, match=r"^late is 'soon'; use brief, idle, quiet, never$"):
        made(late="soon")


def test_a_step_in_progress_is_left_where_it_is() -> None:
    """Tests that with rounds a late job whose step lasts beyond the boundary is not sent to idle GPUs, under any rule."""
    mid = job(0, LARGE, 5, due=-1.0, ready=0.3, group=C8.groups(1)[0], running=True)
    round_ = round_of([mid], C8, free_at=(0.3, *(0.0,) * 7))
    for rule in LATE_RULES:
        assert serve_late(round_, [], [mid], 0b11111110, rule, timely=False) == []


@pytest.mark.parametrize("late", ("brief", "quiet"))
def test_a_late_job_stays_where_a_move_would_take_longer(late: LateRule) -> None:
    """Tests that two late steps stay on two GPUs where a move takes a second, and take all eight where it is free."""
    held = job(0, LARGE, 2, due=0.01, group=C8.groups(2)[0], running=True)
    for moving, degree in ((1.0, 2), (0.0, 8)):
        round_ = round_of([held], C8, cadence=EVENTS, regroup_seconds=moving)
        (assignment,) = serve_late(round_, [], [held], C8.full_mask, late, timely=False)
        assert assignment.group.degree == degree
