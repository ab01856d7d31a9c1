from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.capacity import available_mask, latest_start, steps_within
from planner.cluster import Cluster
from planner.job import Job
from planner.placement import Choice, place
from planner.plan import Plan
from planner.round import Cadence, Round
from planner.solvers.dp import GreedyDp
from planner.solvers.priority import Edf, Room, Srtf
from tests.strategies import ALIKE, EVENTS, GAPPY, LARGE, MEDIUM, ROUNDS, SMALL, TOY, job, round_of, rounds

C8 = Cluster.nvlink(8)
LONG = Cadence("rounds", 2.0)


def degrees(plan: Plan) -> dict[int, int]:
    """Degree by job."""
    return {a.jobs[0]: a.group.degree for a in plan.assignments}


def round_worth(round_: Round, j: Job, degree: int) -> int:
    """Steps of a job that fit the round, or one where none does."""
    return max(1, steps_within(round_, round_.costs.of(j.request.shape).step_time[degree], j.steps_left))


def test_edf_gives_the_earliest_deadline_what_it_needs() -> None:
    """Tests that the earliest deadline takes the cheapest degree that makes it, and the next one what is left."""
    jobs = [job(0, LARGE, 10, due=2.2), job(1, LARGE, 10, due=1.2), job(2, MEDIUM, 10, due=0.32)]
    round_ = round_of(jobs, C8, cadence=EVENTS)
    assert degrees(Edf(elastic=False).solve(round_, 0.01)) == {2: 4, 1: 4}
    assert degrees(Edf(elastic=False).solve(round_of(jobs[:2], C8, cadence=EVENTS), 0.01)) == {1: 8}


def test_edf_serves_late_jobs_last() -> None:
    """Tests that a job past hope gets one GPU after the others, although its deadline is the earliest."""
    jobs = [job(0, SMALL, 10, due=-3.0), job(1, MEDIUM, 10, due=0.32)]
    assert degrees(Edf(elastic=False).solve(round_of(jobs, C8, cadence=EVENTS), 0.01)) == {0: 1, 1: 4}
    assert degrees(Edf(elastic=False).solve(round_of(jobs, Cluster.nvlink(4), cadence=EVENTS), 0.01)) == {1: 4}


def test_edf_widens_into_idle_gpus() -> None:
    """Tests that idle GPUs make a running job faster, unless that is switched off."""
    round_ = round_of([job(0, MEDIUM, 10, due=5.0)], C8, cadence=EVENTS)
    assert degrees(Edf().solve(round_, 0.01)) == {0: 8}
    assert degrees(Edf(elastic=False).solve(round_, 0.01)) == {0: 1}


@pytest.mark.parametrize("tau", [0.4, 0.05, 0.001])
def test_steps_longer_than_the_round_still_run(tau: float) -> None:
    """Tests that under rounds shorter than a step both solvers let a job run on, rather than nothing for ever."""
    for due in (-1.0, 100.0):
        round_ = round_of([job(0, LARGE, 10, due=due)], Cluster.nvlink(1), cadence=Cadence("rounds", tau))
        for solver in (Edf(), Srtf(1)):
            assert [a.steps for a in solver.solve(round_, 0.01).assignments] == [10]


def test_a_step_in_progress_keeps_its_gpus_on_the_grid_only() -> None:
    """Tests that a job whose step lasts on is left alone by the paper's rounds, while rules let it run on."""
    held = C8.groups(1)[0]
    mid = job(0, LARGE, 5, due=-1.0, ready=0.3, group=held, running=True)
    round_ = round_of([mid], C8, free_at=(0.3, *(0.0,) * 7))
    assert GreedyDp().solve(round_, 0.01).assignments == ()
    assert [a.steps for a in Edf().solve(round_, 0.01).assignments] == [5]
    assert [a.steps for a in Srtf(2).solve(round_, 0.01).assignments] == [5]


def test_srtf_runs_the_shortest() -> None:
    """Tests the order by remaining time, and that a job goes on to its end where none that waits comes before it."""
    jobs = [job(0, MEDIUM, 12), job(1, MEDIUM, 3), job(2, SMALL, 50)]
    plan = Srtf(4, chunk=5).solve(round_of(jobs, C8, cadence=EVENTS), 0.01)
    assert [(a.jobs[0], a.steps) for a in plan.assignments] == [(0, 12), (1, 3)]


def test_srtf_finishes_a_chunk_first() -> None:
    """Tests that a job within a chunk goes on although a shorter one has arrived, and yields at the chunk's end."""
    group = C8.groups(8)[0]
    for left, first, steps in ((12, 0, 2), (10, 1, 3)):
        jobs = [job(0, MEDIUM, left, group=group, running=True), job(1, SMALL, 3)]
        plan = Srtf(8, chunk=5).solve(round_of(jobs, C8, cadence=EVENTS), 0.01)
        assert (plan.assignments[0].jobs, plan.assignments[0].steps) == ((first,), steps)


def test_srtf_puts_late_jobs_last() -> None:
    """Tests that a short job past hope waits for a longer one on time."""
    jobs = [job(0, SMALL, 1, due=-1.0), job(1, MEDIUM, 20, due=5.0)]
    assert degrees(Srtf(8).solve(round_of(jobs, C8, cadence=EVENTS), 0.01)) == {1: 8}


def test_a_degree_that_is_not_there_starts_nothing() -> None:
    """Tests that a degree without a group, or without a time for a shape, starts no job of that shape."""
    assert Srtf(8).solve(round_of([job(0)], Cluster.nvlink(4)), 0.01).assignments == ()
    jobs = [job(0, SMALL), job(1, LARGE)]
    assert degrees(Srtf(4).solve(round_of(jobs, C8, GAPPY), 0.01)) == {1: 4}


def test_srtf_has_no_chunks_with_rounds() -> None:
    """Tests that with cadence rounds a job gets all its steps: it is preempted at boundaries alone."""
    plan = Srtf(8, chunk=5).solve(round_of([job(0, SMALL, 50)], C8, cadence=ROUNDS), 0.01)
    assert [a.steps for a in plan.assignments] == [50]


@pytest.mark.parametrize(("field", "arguments"), [("degree", {"degree": 0}), ("chunk", {"chunk": 0})])
def test_impossible_parameters_are_refused(field: str, arguments: dict[str, int]) -> None:
    """Tests that degree and chunk of 0 are refused with the field."""
    with pytest.raises(ValueError, match=rf"^{field} is 0"):
        Srtf(**arguments)


@settings(max_examples=80)
@given(rounds(cluster=st.sampled_from(ALIKE), profile=st.just(TOY), cadence=st.just(LONG), moves=False), st.data())
def test_a_room_takes_what_can_be_placed(round_: Round, data: st.DataObject) -> None:
    """Tests that degrees taken one after the other can be placed where moves are free, and a refused one indeed could not."""
    room = Room(round_)
    assert room.free == available_mask(round_)
    choices: list[Choice] = []
    for j in (j for j in round_.jobs if j.ready <= latest_start(round_)):
        degree = data.draw(st.sampled_from(round_.cluster.degrees))
        before = len(choices)
        room.take(j, (degree,), choices)
        tried = choices if len(choices) > before else [*choices, Choice(j, degree, round_worth(round_, j, degree))]
        assert (len(place(round_, tried, room.free)) == len(tried)) == (len(choices) > before)


@pytest.mark.parametrize("solver", [Edf(), Srtf()], ids=["edf", "srtf"])
def test_admission_puts_those_given_up_behind(solver: Edf | Srtf) -> None:
    """Tests that of two images of which one is possible the heavy one runs, though the other is due, or done, first."""
    jobs = [job(0, LARGE, 9, due=1.05), job(1, LARGE, 10, due=1.1, weight=5.0)]
    round_ = round_of(jobs, C8, cadence=EVENTS)
    assert degrees(solver.solve(round_, 0.01)) == {0: 8}
    assert degrees(replace(solver, admission=True).solve(round_, 0.01)) == {1: 8}


@pytest.mark.parametrize("solver", [Edf(), Srtf()], ids=["edf", "srtf"])
def test_late_jobs_are_served_by_the_rule(solver: Edf | Srtf) -> None:
    """Tests that a late job whose steps would be long on what is left runs under ``idle`` only; other words are refused."""
    jobs = [job(0, LARGE, 40, due=0.5), job(1, SMALL, 10, due=5.0)]
    round_ = round_of(jobs, Cluster.nvlink(4), GAPPY, cadence=EVENTS)
    narrow = replace(solver, degree=1) if isinstance(solver, Srtf) else replace(solver, elastic=False)
    assert 0 in degrees(narrow.solve(round_, 0.01))
    assert degrees(replace(narrow, late="brief").solve(round_, 0.01)) == {1: 1}
    wider = round_of(jobs, C8, GAPPY, cadence=EVENTS)
    assert degrees(replace(narrow, late="brief").solve(wider, 0.01)) == {0: 4, 1: 1}
    with pytest.raises(ValueError, match=r"^late is 'soon'; use brief"):
        replace(solver, late="soon")  # type: ignore[arg-type]


def test_srtf_takes_the_most_gpus_that_the_profile_knows() -> None:
    """Tests the degree of jobs where none is given, by shape and by cluster, up to 8, and the names."""
    for shape, most in ((SMALL, 2), (LARGE, 4)):
        assert degrees(Srtf().solve(round_of([job(0, shape)], C8, GAPPY), 0.01)) == {0: most}
    assert degrees(Srtf().solve(round_of([job(0)], Cluster.nvlink(4)), 0.01)) == {0: 4}
    assert degrees(Srtf().solve(round_of([job(0)], Cluster.nvlink(16)), 0.01)) == {0: 8}
    assert (Srtf().name, Srtf(4).name) == ("srtf", "srtf-4")


def test_srtf_takes_a_faster_degree_where_its_own_costs_the_deadline() -> None:
    """Tests an image that only all GPUs serve in time: one step on two would be too long, so it gets four, or eight."""
    for due, degree in ((5.0, 2), (1.2, 4), (1.05, 8)):
        jobs = [job(0, LARGE, 10, due=due)]
        assert degrees(Srtf(2).solve(round_of(jobs, C8, cadence=EVENTS), 0.01)) == {0: degree}


def test_srtf_widens_where_told() -> None:
    """Tests that idle GPUs widen what runs, under ``elastic`` only."""
    round_ = round_of([job(0, MEDIUM, 10, due=5.0)], C8, cadence=EVENTS)
    assert degrees(Srtf(2).solve(round_, 0.01)) == {0: 2}
    assert degrees(Srtf(2, elastic=True).solve(round_, 0.01)) == {0: 8}
