from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings

import planner.admission as admission
from planner.admission import admit
from planner.cluster import Cluster
from planner.job import Job
from planner.programs.lists import list_schedule, tasks_of
from planner.round import Round
from tests.strategies import EVENTS, LARGE, TOY, job, round_of, rounds

C8 = Cluster.nvlink(8)


def timely(round_: Round) -> list[Job]:
    """Jobs that can be on time alone."""
    return [j for j in round_.jobs if not round_.hopeless(j)]


def in_time(round_: Round, jobs: list[Job]) -> bool:
    """Whether a list schedule of the jobs is late for none."""
    tasks = tasks_of(round_, jobs, [1.0] * len(jobs))
    return not list_schedule(tasks, round_.now, round_.cluster.gpus).late(tasks)


@settings(max_examples=150)
@given(rounds())
def test_the_admitted_are_in_time(round_: Round) -> None:
    """Tests that the list schedule of those admitted is in time, and that its first moment is returned."""
    jobs = timely(round_)
    admitted, degrees = admit(round_, jobs)
    assert [j for j in jobs if j in admitted] == admitted
    assert in_time(round_, admitted)
    assert degrees.keys() <= {j.id for j in admitted}
    assert sum(degrees.values()) <= round_.cluster.gpus
    assert bool(degrees) == bool(admitted)
    if in_time(round_, jobs):
        assert admitted == jobs


def test_on_one_machine_nobody_serves_more() -> None:
    """Tests the theorem of Moore and Hodgson: on one GPU, with equal weights, no set with one more job is in time."""
    for dues in ((0.7, 1.4, 1.4, 2.1, 2.2), (0.75, 0.8, 1.5, 1.5, 3.0), (2.1, 2.2, 2.3, 2.4, 2.9, 3.6)):
        lefts = (1, 2, 1, 1, 2, 1)
        jobs = [job(i, LARGE, left, due=due) for i, (left, due) in enumerate(zip(lefts, dues, strict=False))]
        round_ = round_of(jobs, Cluster.nvlink(1), cadence=EVENTS)
        able = timely(round_)
        count = len(admit(round_, able).jobs)
        assert 0 < count < len(able)
        assert not any(in_time(round_, list(more)) for more in combinations(able, count + 1))


def test_weight_decides() -> None:
    """Tests that of two images of which one is possible the one with more weight per GPU-second is served."""
    for heavy in (0, 1):
        jobs = [job(i, LARGE, 10, due=1.2, weight=3.0 if i == heavy else 1.0) for i in range(2)]
        assert [j.id for j in admit(round_of(jobs, C8, cadence=EVENTS), jobs).jobs] == [heavy]
    small = [job(0, LARGE, 10, due=1.2, weight=3.0), *(job(i, LARGE, 3, due=1.2) for i in range(1, 4))]
    assert [j.id for j in admit(round_of(small, C8, cadence=EVENTS), small).jobs] == [1, 2, 3]


@pytest.mark.parametrize("work", [0, 100, 1000])
def test_little_work_admits_all_the_same(work: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that with no list schedule, or few, those admitted fit the GPU-seconds, and the first of them run."""
    monkeypatch.setattr(admission, "WORK", work)
    jobs = [job(i, LARGE, 10, due=1.1 + 0.2 * i) for i in range(12)]
    admitted, degrees = admit(round_of(jobs, C8, cadence=EVENTS), jobs)
    assert 3 <= len(admitted) < 12
    assert 0 < sum(degrees.values()) <= 8
    for due in sorted(j.due for j in admitted):
        assert sum(10 * min(d * t for d, t in TOY_TIMES) for j in admitted if j.due <= due) <= 8 * due


TOY_TIMES = [(degree, TOY.step_time(LARGE, degree, "nvlink")) for degree in (1, 2, 4, 8)]
