"""Whom bounds alone give up, beside what a solver says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.backends.highs import HighsBackend
from planner.cluster import Cluster
from planner.objectives import OnTime
from planner.programs.giving_up import least_gpu_seconds, to_give_up
from planner.programs.intervals import Task
from planner.programs.lookahead import Lookahead
from planner.programs.supply import supply_of
from planner.solvers.exact import CpSat, Highs
from tests.strategies import EVENTS, LARGE, MEDIUM, SMALL, TOY, job, round_of


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_bounds_give_up_whom_the_program_gives_up(data: st.DataObject) -> None:
    """Tests that where bounds tell, the program's optimum serves all others, and not the one that they give up."""
    cluster = Cluster.nvlink(data.draw(st.sampled_from((4, 6, 8))))
    jobs, free = [], [0.0] * cluster.gpus
    for id_ in range(data.draw(st.integers(2, 4))):
        shape, left = data.draw(st.sampled_from((LARGE, LARGE, MEDIUM))), data.draw(st.integers(5, 50))
        fastest = TOY.step_time(shape, cluster.degrees[-1], "nvlink")
        due = left * fastest + data.draw(st.floats(0.0, 1.0))
        busy = data.draw(st.booleans()) and id_ < cluster.gpus and not any(j.running for j in jobs)
        group = cluster.groups(data.draw(st.sampled_from(cluster.degrees)))[0] if busy else None
        ready = data.draw(st.floats(0.0, 0.1)) if group is not None else 0.0
        for gpu in group.gpus if group is not None else ():
            free[gpu] = ready
        jobs.append(job(id_, shape, left, due + ready, ready, group, busy))
    round_ = round_of(jobs, cluster, cadence=EVENTS, free_at=free)
    model = Lookahead().model(round_, OnTime(), ())
    gone = to_give_up(model.tasks, supply_of(round_, model.tasks, concurrency=True), cluster.gpus)
    if gone is not None:
        answer = HighsBackend().solve(model.linear, 5.0)
        assert answer.status == "optimal" and answer.x is not None
        assert np.flatnonzero(answer.x[: len(jobs)] < 0.5).tolist() == [gone]


@pytest.mark.parametrize("solver", [Highs(), CpSat()], ids=["highs", "cpsat"])
def test_two_large_ones_need_no_solver(solver: Highs | CpSat) -> None:
    """Tests two jobs of which each needs the whole cluster: the one that takes less is served, with a proof."""
    jobs = [job(0, LARGE, 40, due=4.1), job(1, LARGE, 45, due=4.6)]
    plan = solver.solve(round_of(jobs, cadence=EVENTS), 1.0)
    certificate = plan.certificate
    assert (certificate.value, certificate.bound, certificate.status) == (1.0, 1.0, "optimal")
    assert (certificate.promised, certificate.solve_seconds) == ((0,), 0.0)


def test_what_bounds_cannot_tell_is_left_to_a_solver() -> None:
    """Tests jobs of which all fit, two that cost the same, and one alone."""
    for lefts in ((10, 10), (40, 40), (40,)):
        jobs = [job(i, LARGE, left, due=4.1) for i, left in enumerate(lefts)]
        round_ = round_of(jobs, cadence=EVENTS)
        tasks = Lookahead().model(round_, OnTime(), ()).tasks
        assert to_give_up(tasks, supply_of(round_, tasks, concurrency=True), 8) is None


def test_time_of_the_whole_cluster_is_taken_from_the_others() -> None:
    """Tests a small job for which GPU-seconds would be left, but no time beside one that needs all GPUs nearly always."""
    jobs = [job(0, LARGE, 38, due=4.0), job(1, SMALL, 40, due=1.0)]
    round_ = round_of(jobs, cadence=EVENTS)
    tasks = Lookahead().model(round_, OnTime(), ()).tasks
    energy = sum(least_gpu_seconds(task, task.due - task.release) for task in tasks)
    supply = supply_of(round_, tasks, concurrency=True)
    assert energy < supply.until(supply.points[-1])
    assert to_give_up(tasks, supply, 8) == 0


@pytest.mark.parametrize(
    ("seconds", "gpu_seconds"),
    [(20.0, 7.0), (7.0, 7.0), (5.3, 7.1), (3.6, 7.2), (1.0, 8.0), (0.99, float("inf")), (0.0, float("inf"))],
)
def test_least_gpu_seconds(seconds: float, gpu_seconds: float) -> None:
    """Tests a job of ten steps with all the time there is, between two degrees, at the fastest, and with too little."""
    costs = round_of([]).costs.of(LARGE)
    task = Task(0.0, seconds, 10, costs.degrees, costs.seconds)
    assert least_gpu_seconds(task, seconds) == pytest.approx(gpu_seconds)
