from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.capacity import available_mask
from planner.cluster import Cluster
from planner.elastic import scale_up
from planner.idle import mask_of
from planner.placement import place
from planner.plan import Assignment
from planner.round import Cadence, Round
from tests.planner.test_placement import draw_choices
from tests.strategies import EVENTS, LARGE, MEDIUM, SMALL, job, round_of, rounds

C8 = Cluster.nvlink(8)
SECOND = Cadence("rounds", 1.0)


@settings(max_examples=80)
@given(rounds(least=1), st.data())
def test_widening_only_helps(round_: Round, data: st.DataObject) -> None:
    """Tests that every job keeps its GPUs, gains only idle ones and only if faster, and loses no steps."""
    free = available_mask(round_)
    before = place(round_, draw_choices(data, round_), free)
    idle = free & ~mask_of(before)
    after = scale_up(round_, before, idle)
    assert [a.jobs for a in after] == [a.jobs for a in before]
    used = 0
    jobs = {j.id: j for j in round_.jobs}
    for old, new in zip(before, after, strict=True):
        times = round_.costs.of(jobs[old.jobs[0]].request.shape).by_mask
        assert new.group.mask & old.group.mask == old.group.mask
        assert new.group.mask & ~(idle | old.group.mask) == 0
        assert new.group.mask & used == 0
        assert new == old or times[new.group.mask] < times[old.group.mask]
        assert old.steps <= new.steps <= jobs[old.jobs[0]].steps_left
        used |= new.group.mask


def test_the_job_that_gains_most_is_first() -> None:
    """Tests that of two jobs beside the same idle GPUs the one that saves more seconds gets them."""
    large, medium = job(0, LARGE, 10), job(1, MEDIUM, 10)
    round_ = round_of([large, medium], Cluster.nvlink(4), cadence=EVENTS)
    one = round_.cluster.groups(1)
    pair = round_.cluster.groups(2)
    after = scale_up(round_, [Assignment((0,), one[0], 1), Assignment((1,), pair[1], 1)], 0b0010)
    assert [a.group for a in after] == [pair[0], pair[1]]
    after = scale_up(round_, [Assignment((0,), pair[0], 1), Assignment((1,), one[3], 1)], 0b0100)
    assert [a.group for a in after] == [pair[0], pair[1]]


@pytest.mark.parametrize(("free", "degrees"), [(0b0100, [1, 2]), (0b1100, [2, 2]), (0b0000, [1, 1])])
def test_jobs_that_compete_for_idle_gpus(free: int, degrees: list[int]) -> None:
    """Tests that, where any GPUs make a group, an idle one goes to the job that gains more, and to one job only."""
    round_ = round_of([job(0, MEDIUM, 10), job(1, LARGE, 10)], Cluster.nvlink(4, grouping="all"), cadence=EVENTS)
    one = round_.cluster.groups(1)
    after = scale_up(round_, [Assignment((0,), one[0], 1), Assignment((1,), one[1], 1)], free)
    assert [a.group.degree for a in after] == degrees
    assert not after[0].group.mask & after[1].group.mask


def test_useless_degrees_are_skipped() -> None:
    """Tests that a small image goes from 2 straight to 8 GPUs, since 4 would slow it down."""
    round_ = round_of([job(0, SMALL)], C8)
    after = scale_up(round_, [Assignment((0,), C8.groups(2)[0], 1)], 0b11111100)
    assert after[0].group.degree == 8
    assert scale_up(round_, [Assignment((0,), C8.groups(2)[0], 1)], 0b00001100)[0].group.degree == 2


def test_more_steps_fit_on_more_gpus() -> None:
    """Tests that a widened job runs as many steps as now fit the round."""
    round_ = round_of([job(0, LARGE, 10)], C8, cadence=SECOND)
    after = scale_up(round_, [Assignment((0,), C8.groups(1)[0], 1)], 0b11111110)
    assert after == [Assignment((0,), C8.groups(8)[0], 10)]


def test_batches_stay_as_they_are() -> None:
    """Tests that a batch is not widened."""
    batch = [Assignment((0, 1), C8.groups(1)[0], 1)]
    assert scale_up(round_of([job(0), job(1)], C8), batch, 0b11111110) == batch


@pytest.mark.parametrize(("left", "degree"), [(4, 2), (10, 8)])
def test_nothing_is_widened_for_less_than_a_move(left: int, degree: int) -> None:
    """Tests steps of .05 s on 2 GPUs and .025 s on 8 where a move takes .15 s: ten steps pay for it, four do not."""
    own = C8.groups(2)[0]
    running = job(0, MEDIUM, left, group=own, running=True)
    round_ = round_of([running], C8, cadence=EVENTS, regroup_seconds=0.15)
    assert scale_up(round_, [Assignment((0,), own, left)], 0xFC)[0].group.degree == degree
    fresh = round_of([job(0, MEDIUM, left)], C8, cadence=EVENTS, regroup_seconds=0.15)
    assert scale_up(fresh, [Assignment((0,), own, left)], 0xFC)[0].group.degree == 8


@pytest.mark.parametrize("cluster", (C8, Cluster.nvlink(8, grouping="all")), ids=("laminar", "all groups"))
def test_a_job_is_not_widened_by_a_move_that_costs_its_deadline(cluster: Cluster) -> None:
    """Tests that ten steps with .1 s to spare stay on their GPU where a move takes .2 s, and not where it takes .05."""
    one = cluster.groups(1)[0]
    held = job(0, MEDIUM, 10, due=0.35, group=one, running=True)
    own = Assignment((0,), one, 1)
    for moving, widened in ((0.2, False), (0.05, True)):
        round_ = round_of([held], cluster, cadence=EVENTS, regroup_seconds=moving)
        (after,) = scale_up(round_, [own], cluster.full_mask & ~one.mask)
        assert (after != own) == widened
