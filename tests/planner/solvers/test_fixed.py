from __future__ import annotations

import pytest

from planner.cluster import Cluster
from planner.costs import Costs
from planner.solvers.fixed import Fixed, Rssp
from profiles.shape import Shape
from profiles.store import load_profile
from tests.strategies import EVENTS, GAPPY, LARGE, MEDIUM, SMALL, job, round_of

C8 = Cluster.nvlink(8)


def test_first_come_first_served_to_completion() -> None:
    """Tests that what runs goes on to its last step and jobs start in order of arrival, whatever their deadline."""
    running = job(0, SMALL, 7, group=C8.groups(4)[1], running=True)
    jobs = [running, job(1, LARGE, 10, due=-5.0), job(2, SMALL, 10, due=0.3)]
    plan = Fixed(4).solve(round_of(jobs, C8, cadence=EVENTS), 0.01)
    assert [(a.jobs, a.group.gpus, a.steps) for a in plan.assignments] == [
        ((0,), (4, 5, 6, 7), 7),
        ((1,), (0, 1, 2, 3), 10),
    ]
    assert Fixed(4).name == plan.certificate.solver == "fixed-4"


def test_the_fastest_link_is_taken() -> None:
    """Tests that on pairs with all subsets a job of two GPUs starts on an NVLink bridge that is whole."""
    cluster = Cluster.pairs(4, grouping="all")
    busy = job(0, SMALL, 5, group=cluster.groups(1)[0], running=True)
    plan = Fixed(2).solve(round_of([busy, job(1, LARGE)], cluster), 0.01)
    assert plan.assignments[1].group.gpus == (2, 3)


def test_a_degree_that_is_not_there_starts_nothing() -> None:
    """Tests that a degree without a group or without a time starts no job."""
    assert Fixed(8).solve(round_of([job(0)], Cluster.nvlink(4)), 0.01).assignments == ()
    assert Fixed(4).solve(round_of([job(0, SMALL)], C8, GAPPY), 0.01).assignments == ()


def test_impossible_degree_is_refused() -> None:
    """Tests that degree 0 is refused with the field."""
    with pytest.raises(ValueError, match=r"^degree is 0"):
        Fixed(0)


@pytest.mark.parametrize(("side", "degree"), [(256, 1), (512, 1), (1024, 2), (2048, 8)])
def test_rssp_gives_the_papers_degrees(side: int, degree: int) -> None:
    """Tests the rule against the degrees that the paper names for FLUX.1-dev on H100."""
    shape = Shape(side, side)
    assert Rssp().degree_of(Costs(load_profile("flux1-dev_h100"), C8).of(shape), shape) == degree


def test_rssp_lets_later_jobs_pass() -> None:
    """Tests that a job without a free group waits while a later one of another resolution starts."""
    wide = Rssp(degrees={LARGE.label: 8, SMALL.label: 1})
    running = job(0, SMALL, 5, group=C8.groups(1)[0], running=True)
    plan = wide.solve(round_of([running, job(1, LARGE), job(2, SMALL)], C8), 0.01)
    assert [(a.jobs, a.group.degree) for a in plan.assignments] == [((0,), 1), ((2,), 1)]


def test_rssp_efficiency_decides() -> None:
    """Tests degrees by hand: efficiencies of 0.08/k T(k) are 0.8 at 2, 0.67 at 4, 0.4 at 8."""
    costs = Costs(round_of([]).profile, C8).of(MEDIUM)
    assert [Rssp(e).degree_of(costs, MEDIUM) for e in (0.9, 0.79, 0.6, 0.39)] == [1, 2, 4, 8]
