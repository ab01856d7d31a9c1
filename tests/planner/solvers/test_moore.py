from __future__ import annotations

import pytest

from planner import Moore
from planner.cluster import Cluster
from planner.plan import Plan
from planner.round import Cadence
from tests.strategies import EVENTS, GAPPY, LARGE, MEDIUM, ROUNDS, SMALL, job, round_of

C8 = Cluster.nvlink(8)


def degrees(plan: Plan) -> dict[int, int]:
    """Degree by job."""
    return {a.jobs[0]: a.group.degree for a in plan.assignments}


def test_the_heavier_image_is_served_now() -> None:
    """Tests that of two images that need all GPUs at once the weight decides, where the earliest deadline would not."""
    jobs = [job(0, LARGE, 10, due=1.05), job(1, LARGE, 10, due=1.1, weight=2.0)]
    assert degrees(Moore().solve(round_of(jobs, C8, cadence=EVENTS), 0.01)) == {1: 8}


@pytest.mark.parametrize("cadence", [EVENTS, ROUNDS])
def test_all_steps_are_named(cadence: Cadence) -> None:
    """Tests that a job goes on until something else is decided, also where that is at the next boundary."""
    (assignment,) = Moore().solve(round_of([job(0, LARGE, 10, due=1.05)], C8, cadence=cadence), 0.01).assignments
    assert (assignment.group.degree, assignment.steps) == (8, 10)


def test_those_not_admitted_take_what_is_left() -> None:
    """Tests that a job which was given up runs on GPUs that nobody else can use, rather than on none."""
    jobs = [job(0, LARGE, 10, due=2.5), job(1, LARGE, 10, due=2.5), job(2, MEDIUM, 60, due=2.0, weight=0.01)]
    plan = degrees(Moore().solve(round_of(jobs, C8, cadence=EVENTS), 0.01))
    assert sum(plan.values()) == 8


def test_late_jobs_are_served_by_rule() -> None:
    """Tests that the rule for late jobs is asked, and an unknown one refused with the field."""
    jobs = [job(0, LARGE, 10, due=-1.0), job(1, SMALL, 30, due=0.6)]
    round_ = round_of(jobs, C8, GAPPY, cadence=EVENTS)
    assert 0 not in degrees(Moore(late="quiet").solve(round_, 0.01))
    assert 0 in degrees(Moore(late="idle").solve(round_, 0.01))
    with pytest.raises(ValueError, match=r"^late is 'soon'; use brief, idle, quiet, never"):
        Moore(late="soon")  # type: ignore[arg-type]
