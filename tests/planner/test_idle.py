from __future__ import annotations

from hypothesis import given, settings

from planner.capacity import available_mask, steps_within
from planner.cluster import Cluster
from planner.idle import best_effort, mask_of, start_waiting, use_idle
from planner.plan import Assignment
from planner.round import Round
from planner.timely import SLOW, steps_in_time
from tests.strategies import EVENTS, LARGE, MEDIUM, SMALL, TOY, job, round_of, rounds

C8 = Cluster.nvlink(8)


def degrees(assignments: list[Assignment]) -> dict[int, int]:
    """Degree by job."""
    return {a.jobs[0]: a.group.degree for a in assignments}


@settings(max_examples=60)
@given(rounds())
def test_waiting_jobs_start_legally_and_conserve_work(round_: Round) -> None:
    """Tests that started jobs are disjoint and free, and none is left that a free group could start in time and quickly."""
    free = available_mask(round_)
    timely = [j for j in round_.jobs if not round_.hopeless(j)]
    started = start_waiting(round_, timely, free)
    used = mask_of(started)
    assert sum(a.group.degree for a in started) == used.bit_count()
    assert used & ~free == 0
    running = {a.jobs[0] for a in started}
    for j in timely:
        costs = round_.costs.of(j.request.shape)
        for degree, seconds in zip(costs.degrees, costs.seconds, strict=True):
            steps = steps_within(round_, seconds, j.steps_left)
            if j.id not in running and steps and seconds <= SLOW * costs.fastest:
                for group in round_.cluster.groups(degree):
                    fits = not group.mask & ~(free & ~used) and group.mask in costs.by_mask
                    moving = round_.move_seconds(j, group)
                    assert not fits or not steps_in_time(round_, j, costs.by_mask[group.mask], steps, moving)


def test_waiting_jobs_start_by_slack() -> None:
    """Tests that with two GPUs free the job with the least slack starts, not the first or the shortest."""
    jobs = [job(0, SMALL, 2, due=2.0), job(1, MEDIUM, 10, due=0.5), job(2, MEDIUM, 10, due=1.0)]
    assert degrees(start_waiting(round_of(jobs, C8, cadence=EVENTS), jobs, 0b11)) == {1: 2}


def test_waiting_jobs_do_not_start_what_costs_the_deadline() -> None:
    """Tests that GPUs left over are not for a job whose only step on them is too long or slow, but for the next one."""
    jobs = [job(0, LARGE, 10, due=1.08), job(1, MEDIUM, 10, due=5.0)]
    assert degrees(start_waiting(round_of(jobs, C8, cadence=EVENTS), jobs, 0b1111)) == {1: 1}
    jobs[0] = job(0, LARGE, 10, due=1.12)
    assert degrees(start_waiting(round_of(jobs, C8, cadence=EVENTS), jobs, 0b1111)) == {0: 4}
    jobs[0] = job(0, LARGE, 10, due=1.62)
    assert degrees(start_waiting(round_of(jobs, C8, cadence=EVENTS), jobs, 0b1)) == {1: 1}


def test_waiting_jobs_start_at_their_cheapest_mix() -> None:
    """Tests that a job starts at the slower degree of its cheapest mix, and waits where only slow ones are free."""
    jobs = [job(0, LARGE, 10, due=2.0)]
    round_ = round_of(jobs, C8, cadence=EVENTS)
    assert degrees(start_waiting(round_, jobs, 0xFF)) == {0: 4}
    assert degrees(start_waiting(round_, jobs, 0b111)) == {}
    assert TOY.step_time(LARGE, 2, "nvlink") > SLOW * TOY.step_time(LARGE, 8, "nvlink")


def test_waiting_jobs_take_more_gpus_where_a_step_outlasts_the_round() -> None:
    """Tests that a job whose cheapest degree fits no round starts at the next one rather than wait on idle GPUs."""
    jobs = [job(0, LARGE, 10, due=9.0)]
    assert degrees(start_waiting(round_of(jobs, C8), jobs, 0xFF)) == {0: 2}
    assert degrees(start_waiting(round_of(jobs, C8), jobs, 0b1)) == {}


def test_late_jobs_get_the_fewest_gpus_on_which_a_step_fits() -> None:
    """Tests that late jobs get one GPU each, or two where a step on one would outlast the round."""
    jobs = [job(0, SMALL, due=-1.0), job(1, LARGE, due=-1.0)]
    assert degrees(best_effort(round_of(jobs, C8), jobs, 0xFF, alone=False)) == {0: 1, 1: 2}
    assert degrees(best_effort(round_of(jobs, C8, cadence=EVENTS), jobs, 0xFF, alone=False)) == {0: 1, 1: 1}
    assert degrees(best_effort(round_of(jobs, C8), jobs, 0b11, alone=False)) == {0: 1}


def test_a_step_that_fits_no_round_runs_only_alone() -> None:
    """Tests that a late job whose step outlasts the round on one free GPU waits while others are served."""
    late = [job(0, LARGE, due=-1.0)]
    round_ = round_of(late, Cluster.nvlink(1))
    assert best_effort(round_, late, 0b1, alone=False) == []
    assert best_effort(round_, late, 0b1, alone=True) == [Assignment((0,), round_.cluster.groups(1)[0], 1)]


def test_idle_gpus_widen_before_late_jobs_run() -> None:
    """Tests that jobs on time are widened first and late ones get what is left."""
    timely, late = job(0, LARGE, 20, due=5.0), job(1, SMALL, due=-1.0)
    round_ = round_of([timely, late], C8, cadence=EVENTS)
    placed = [Assignment((0,), C8.groups(4)[0], 1)]
    assert degrees(use_idle(round_, placed, [late], 0xFF)) == {0: 8}
    assert degrees(use_idle(round_, placed, [late], 0xFF, elastic=False)) == {0: 4, 1: 1}
    assert degrees(use_idle(round_, placed, [late], 0b01111111)) == {0: 4, 1: 2}
