"""The bound where texts and images take time on workers of their own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from executor.loop import serve
from executor.physics import Physics
from executor.records import Records
from executor.service import Service
from executor.simulated import SimulatedEngine
from planner.bounds import clairvoyant_bound
from planner.cluster import Cluster
from planner.programs.intervals import Task, interval_program
from planner.programs.stages import StageWork, with_stages
from planner.request import Request
from planner.round import Cadence
from planner.solvers.dp import GreedyDp
from planner.solvers.priority import Edf
from planner.solvers.protocol import Solver
from profiles.profile import Profile
from tests.strategies import LARGE, MEDIUM, SMALL, TABLE, profile_of

C4 = Cluster.nvlink(4)
TIMES = {SMALL: (0.1, 0.6), MEDIUM: (0.1, 1.0), LARGE: (0.2, 1.5)}
STAGED = profile_of(stages=TIMES, name="staged")
WRITTEN = profile_of(stages={shape: (*own, 0.3 * own[1]) for shape, own in TIMES.items()}, name="written")
"""The same, with a part of each image's time in which it is only written."""


def request(id_: int, arrival: float, allowed: float, shape: object = SMALL) -> Request:
    """Ten steps."""
    return Request(id_, shape, 10, arrival, arrival + allowed)  # type: ignore[arg-type]


def test_a_file_that_is_written_holds_no_worker() -> None:
    """Tests that one worker makes three images of 0.6 s within 1.8 s if it is free while they are written, and else two."""
    requests = tuple(request(i, 0.0, 1.8) for i in range(3))
    assert [clairvoyant_bound(requests, C4, p, stage_workers=1).upper for p in (STAGED, WRITTEN)] == [2.0, 3.0]


@pytest.mark.parametrize(("workers", "most"), [(0, 3.0), (1, 2.0), (2, 3.0)])
def test_images_wait_for_one_another(workers: int, most: float) -> None:
    """Tests that of three images of 0.6 s within 1.7 s one worker makes two, and two workers all."""
    requests = tuple(request(i, 0.0, 1.7) for i in range(3))
    assert clairvoyant_bound(requests, C4, STAGED, stage_workers=workers).upper == most


def test_rows_say_what_must_be_done_within_a_window() -> None:
    """Tests the only row of three tasks whose images do not fit, and that none is made where they do."""
    tasks = [Task(0.0, 2.0, 1, (1,), (0.1,))] * 3
    program = interval_program(tasks, np.array([0.0, 2.0]), np.array([8.0]))
    work = [StageWork(task, 0.0, 2.0, 0.8) for task in range(3)]
    extended = with_stages(program, work, 1)
    assert extended.linear.rows == program.linear.rows + 1
    columns, values = extended.linear.row(program.linear.rows)
    assert columns.tolist() == [0, 1, 2] and values.tolist() == [0.8] * 3
    assert extended.linear.capacity[-1] == 2.0
    assert with_stages(program, work, 2) is program


@st.composite
def workloads(draw: st.DrawFn) -> tuple[Request, ...]:
    """Up to ten requests, close enough to compete for the workers."""
    arrival, requests = 0.0, []
    for id_ in range(draw(st.integers(1, 10))):
        arrival += draw(st.floats(0.0, 1.0))
        requests.append(request(id_, arrival, draw(st.floats(0.8, 6.0)), draw(st.sampled_from(tuple(TABLE)))))
    return tuple(requests)


@settings(max_examples=60, deadline=None)
@given(workloads(), st.sampled_from((GreedyDp(), Edf())), st.integers(1, 2), st.sampled_from((STAGED, WRITTEN)))
def test_no_policy_beats_the_bound(
    requests: tuple[Request, ...], solver: Solver, workers: int, profile: Profile
) -> None:
    """Tests that what a simulated policy serves on time is at most the bound, and that workers only tighten it."""
    physics = Physics(noise=0.0, regroup_seconds=0.0, stages=True, stage_workers=workers)
    engine = SimulatedEngine(C4, profile, requests, physics, np.random.default_rng(0))
    service = Service(C4, profile, solver, Cadence("events", 0.4), late="drop", stages=True)
    records = serve(service, engine, Records(requests))
    reached = sum(records.fate(r) == "on_time" for r in requests)
    bound = clairvoyant_bound(requests, C4, profile, stage_workers=workers)
    assert reached <= bound.upper + 1e-6
    assert bound.upper <= clairvoyant_bound(requests, C4, profile, stage_workers=9).upper + 1e-6
