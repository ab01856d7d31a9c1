"""Programs, list schedules and the bound where GPUs of the cluster decode."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from executor.loop import serve
from executor.physics import Physics
from executor.records import Records
from executor.service import Service
from executor.simulated import SimulatedEngine
from planner.backends.highs import HighsBackend
from planner.bounds import clairvoyant_bound
from planner.cluster import Cluster
from planner.objectives import OnTime
from planner.programs.images import with_images
from planner.programs.intervals import Task, interval_program
from planner.programs.lists import list_schedule
from planner.programs.lookahead import Lookahead
from planner.request import Request
from planner.round import Round
from planner.solvers.dp import GreedyDp
from planner.solvers.exact import Exact
from planner.solvers.priority import Edf
from planner.solvers.protocol import Solver
from profiles.profile import Profile
from tests.strategies import EVENTS, LARGE, MEDIUM, SMALL, TABLE, job, profile_of

C2, C4 = Cluster.nvlink(2), Cluster.nvlink(4)
TIMES = {SMALL: (0.1, 0.6), MEDIUM: (0.1, 1.0), LARGE: (0.2, 1.5)}
STAGED = profile_of(stages=TIMES, name="staged")
WRITTEN = profile_of(stages={shape: (*own, 0.3 * own[1]) for shape, own in TIMES.items()}, name="written")
"""The same, with a part of each image's time in which it is only written."""


def request(id_: int, arrival: float, allowed: float, shape: object = SMALL) -> Request:
    """Ten steps."""
    return Request(id_, shape, 10, arrival, arrival + allowed)  # type: ignore[arg-type]


def test_a_file_that_is_written_holds_no_gpu() -> None:
    """Tests that one GPU makes two images of 0.6 s within 1.6 s if it is free while they are written, and else one."""
    requests = tuple(request(i, 0.0, 1.6) for i in range(2))
    bounds = [
        clairvoyant_bound(requests, Cluster.nvlink(1), profile, stage_workers=3, images_on_gpus=True).upper
        for profile in (STAGED, WRITTEN)
    ]
    assert bounds == [1.0, 2.0]


@pytest.mark.parametrize(("gpus", "most"), [(1, 2.0), (2, 3.0)])
def test_images_take_gpu_time_in_the_bound(gpus: int, most: float) -> None:
    """Tests that one GPU makes two of three images of 0.6 s, with their steps, within 1.8 s, and two GPUs all."""
    requests = tuple(request(i, 0.0, 1.8) for i in range(3))
    cluster = Cluster.nvlink(gpus)
    assert clairvoyant_bound(requests, cluster, STAGED, stage_workers=3, images_on_gpus=True).upper == most
    assert clairvoyant_bound(requests, cluster, STAGED, stage_workers=3).upper == 3.0


def test_a_program_without_images_is_left_as_it_is() -> None:
    """Tests that nothing is added for tasks whose images no GPU of the cluster makes, or makes after the last point."""
    points = np.array([0.0, 2.0])
    for decode in (0.0, 1.5):
        tasks = [Task(0.0, 2.0, 1, (1,), (2.0,), decode=decode)]
        program = interval_program(tasks, points, np.array([8.0]))
        assert with_images(program, tasks, points) is program


def test_columns_of_images() -> None:
    """Tests the seconds that images may take in each interval, and that they count among its GPU-seconds."""
    points = np.array([0.0, 1.0, 3.0])
    tasks = [Task(0.0, 1.0, 1, (1,), (0.5,), decode=0.8), Task(0.0, 3.0, 1, (1,), (0.5,))]
    program = with_images(interval_program(tasks, points, np.array([1.0, 2.0])), tasks, points)
    linear, first = program.linear, program.images.first
    assert program.images.task == (0, 0) and program.images.interval == (0, 1)
    assert linear.upper[first:].tolist() == pytest.approx([0.5, 0.8])
    columns, values = linear.row(linear.rows - 1)
    assert dict(zip(columns.tolist(), values.tolist(), strict=True)) == {0: 0.8, first: -1.0, first + 1: -1.0}
    for interval in (0, 1):
        columns, _ = linear.row(linear.rows - 3 + interval)
        assert first + interval in columns.tolist()


def test_a_list_schedule_leaves_gpus_out_that_make_images() -> None:
    """Tests three tasks on two GPUs, one of which makes an image first, and that images of tasks hold others up."""
    tasks = [Task(0.0, 9.0 + i, 10, (1,), (0.1,), decode=2.0) for i in range(3)]
    schedule = list_schedule(tasks, 0.0, 2)
    assert schedule.ends == pytest.approx([1.0, 1.0, 4.0])
    assert list_schedule(tasks, 0.0, 2, images_until=[0.5]).ends == pytest.approx([1.0, 1.5, 4.0])
    assert list_schedule(tasks, 0.0, 2, images_until=[0.5, 0.7]).ends == pytest.approx([1.5, 1.7, 4.5])


@st.composite
def workloads(draw: st.DrawFn) -> tuple[Request, ...]:
    """Up to ten requests, close enough to compete for GPUs."""
    arrival, requests = 0.0, []
    for id_ in range(draw(st.integers(1, 10))):
        arrival += draw(st.floats(0.0, 1.0))
        requests.append(request(id_, arrival, draw(st.floats(0.8, 6.0)), draw(st.sampled_from(tuple(TABLE)))))
    return tuple(requests)


@settings(max_examples=60, deadline=None)
@given(workloads(), st.sampled_from((GreedyDp(), Edf())), st.sampled_from((C2, C4)), st.sampled_from((STAGED, WRITTEN)))
def test_no_policy_beats_the_bound(
    requests: tuple[Request, ...], solver: Solver, cluster: Cluster, profile: Profile
) -> None:
    """Tests that what a simulated policy serves on time is at most the bound, and that images only tighten it."""
    physics = Physics(noise=0.0, regroup_seconds=0.0, stages=True, stage_workers=2, decode="group")
    engine = SimulatedEngine(cluster, profile, requests, physics, np.random.default_rng(0))
    service = Service(cluster, profile, solver, EVENTS, late="drop", stages=True, decode="group")
    records = serve(service, engine, Records(requests))
    reached = sum(records.fate(r) == "on_time" for r in requests)
    bound = clairvoyant_bound(requests, cluster, profile, stage_workers=2, images_on_gpus=True)
    assert reached <= bound.upper + 1e-6
    assert bound.upper <= clairvoyant_bound(requests, cluster, profile, stage_workers=99).upper + 1e-6


@st.composite
def rounds(draw: st.DrawFn) -> Round:
    """Up to eight jobs with images to come, on four GPUs of which some make one."""
    count, gpus = draw(st.integers(1, 8)), C4.gpus
    decoding = tuple(sorted(draw(st.sets(st.integers(0, gpus - 1), max_size=gpus))))
    free_at = tuple(draw(st.floats(0.0, 1.0)) if gpu in decoding else 0.0 for gpu in range(gpus))
    jobs = tuple(
        replace(
            job(i, draw(st.sampled_from((SMALL, MEDIUM, LARGE))), draw(st.integers(1, 10)), draw(st.floats(0.1, 6.0))),
            decode=draw(st.sampled_from((0.0, 0.3, 1.5))),
        )
        for i in range(count)
    )
    return Round(0.0, jobs, C4, STAGED, free_at, EVENTS, decoding=decoding)


@settings(max_examples=80, deadline=None)
@given(rounds())
def test_the_start_of_a_program_keeps_its_rows(round_: Round) -> None:
    """Tests that a list schedule with its images is a point of the program, and worth no more than its optimum."""
    model = Lookahead().model(round_, OnTime(), ())
    if not model.tasks:
        return
    linear = model.linear
    assert linear.violation(linear.start) <= 1e-6
    answer = HighsBackend(gap=1e-9).solve(linear, 5.0)
    assert answer.x is not None and linear.value(linear.start) <= linear.value(answer.x) + 1e-6


@settings(max_examples=80, deadline=None)
@given(rounds())
def test_a_plan_is_worth_no_more_than_the_bound(round_: Round) -> None:
    """Tests that values, of schedules with their images, stay below the program's bound, and that plans pass GPUs by."""
    plan = Exact(HighsBackend()).solve(round_, 1.0)
    used = 0
    for assignment in plan.assignments:
        used |= assignment.group.mask
    assert not used & sum(1 << gpu for gpu in round_.decoding)
    value, bound = plan.certificate.value, plan.certificate.bound
    assert value is None or bound is None or value <= bound + 1e-6
