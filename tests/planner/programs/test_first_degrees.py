"""Degrees to begin with where groups lie side by side."""

from __future__ import annotations

from hypothesis import given, settings

from planner.admission import admit
from planner.cluster import Cluster
from planner.programs.first_degrees import first_degrees
from planner.programs.lists import list_schedule, tasks_of
from planner.round import Round
from tests.strategies import EVENTS, MEDIUM, job, round_of, rounds

C16 = Cluster.nvlink(16)


def begun(round_: Round) -> tuple[dict[int, int], dict[int, int]]:
    """Degrees of a list schedule, and those to begin with."""
    tasks = tasks_of(round_, round_.jobs, [1.0] * len(round_.jobs))
    schedule = list_schedule(tasks, round_.now, round_.cluster.gpus)
    listed = schedule.phases[0].degrees if schedule.phases else {}
    return listed, dict(first_degrees(round_, round_.jobs, tasks, listed))


def test_gpus_are_widened_in_place_where_that_uses_as_many() -> None:
    """Tests a job that needs one GPU alone: it is placed by that degree, and has its eight by widening where it is."""
    listed, first = begun(round_of([job(0, MEDIUM, 10, due=9.0)], C16, cadence=EVENTS))
    assert (listed, first) == ({0: 8}, {0: 1})


def test_jobs_move_where_gpus_would_idle_otherwise() -> None:
    """Tests two jobs on neighbouring GPUs, none of which can be wider: both take eight, if idling costs."""
    jobs = [job(i, MEDIUM, 10, due=9.0, group=C16.groups(1)[i], running=True) for i in range(2)]
    round_ = round_of(jobs, C16, cadence=EVENTS)
    listed, first = begun(round_)
    assert listed == first == {0: 8, 1: 8}
    tasks = tasks_of(round_, jobs, [1.0, 1.0])
    assert first_degrees(round_, jobs, tasks, listed, everybody=True) == {0: 1, 1: 1}
    assert admit(round_, jobs).degrees == {0: 1, 1: 1}


@settings(max_examples=100, deadline=None)
@given(rounds())
def test_one_block_keeps_its_list(round_: Round) -> None:
    """Tests that nothing changes where no two of the largest groups lie side by side; GPUs are enough in any case."""
    listed, first = begun(round_)
    assert sum(first.values()) <= round_.cluster.gpus
    if round_.cluster.gpus <= max(round_.cluster.degrees):
        assert first == listed
