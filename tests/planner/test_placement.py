from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.capacity import blocks_free
from planner.cluster import Cluster, Group
from planner.placement import Choice, place
from planner.round import Round
from planner.timely import steps_in_time
from tests.strategies import ALIKE, EVENTS, LARGE, MEDIUM, ROUNDS, SHAPES, TOY, job, round_of, rounds

C8 = Cluster.nvlink(8)


def in_time(round_: Round, choice: Choice, group: Group) -> int:
    """Steps of a choice that do not cost the deadline on a group; going on on its own costs nothing."""
    seconds = round_.costs.of(choice.job.request.shape).by_mask[group.mask]
    moving = round_.move_seconds(choice.job, group)
    return steps_in_time(round_, choice.job, seconds, choice.steps, moving)


def draw_choices(data: st.DataObject, round_: Round) -> list[Choice]:
    """Draw a degree for some of the jobs, at which the profile knows their shape, and steps."""
    choices = []
    for job_ in round_.jobs:
        degree = data.draw(st.sampled_from([0, *round_.costs.of(job_.request.shape).step_time]))
        if degree:
            choices.append(Choice(job_, degree, data.draw(st.integers(1, job_.steps_left))))
    return choices


@settings(max_examples=80)
@given(rounds(), st.data(), st.booleans())
def test_what_is_placed_is_legal(round_: Round, data: st.DataObject, preserve: bool) -> None:
    """Tests that groups are disjoint, free, legal, of the wanted degree, and no job is placed twice."""
    choices = draw_choices(data, round_)
    free = data.draw(st.integers(0, round_.cluster.full_mask))
    placed = place(round_, choices, free, preserve)
    wanted = {choice.job.id: choice for choice in choices}
    used = 0
    for assignment in placed:
        choice = wanted.pop(assignment.jobs[0])
        assert round_.cluster.by_mask[assignment.group.mask] == assignment.group
        assert (assignment.group.degree, assignment.steps) == (choice.degree, in_time(round_, choice, assignment.group))
        assert assignment.group.mask & ~free == 0
        assert assignment.group.mask & used == 0
        assert assignment.group.mask in round_.costs.of(choice.job.request.shape).by_mask
        used |= assignment.group.mask
    for choice in wanted.values():
        known = round_.costs.of(choice.job.request.shape).by_mask
        for group in round_.cluster.groups(choice.degree):
            fits = not group.mask & ~(free & ~used) and group.mask in known
            assert not (fits and in_time(round_, choice, group)), "a choice was left out that still fits"


@settings(max_examples=120)
@given(rounds(cluster=st.sampled_from(ALIKE), profile=st.just(TOY)), st.data(), st.booleans())
def test_every_laminar_feasible_choice_is_placed(round_: Round, data: st.DataObject, preserve: bool) -> None:
    """Tests that whatever passes the block counts is placed, wherever jobs were before, unless it costs a deadline."""
    free = data.draw(st.one_of(st.just(round_.cluster.full_mask), st.integers(0, round_.cluster.full_mask)))
    blocks = blocks_free(round_, free)
    choices: list[Choice] = []
    for choice in draw_choices(data, round_):
        more = [*choices, choice]
        if not in_time(round_, choice, round_.cluster.groups(choice.degree)[0]):
            continue
        if all(sum(c.degree // d for c in more if c.degree >= d) <= blocks[d] for d in blocks):
            choices = more
    assert len(place(round_, choices, free, preserve)) == len(choices)


def test_jobs_keep_their_gpus() -> None:
    """Tests that a job stays on its group although a lower one is free, unless preservation is off."""
    pairs = C8.groups(2)
    jobs = [job(0, MEDIUM, group=pairs[3]), job(1, MEDIUM, group=pairs[2]), job(2, MEDIUM)]
    round_ = round_of(jobs, C8)
    choices = [Choice(j, 2, 1) for j in jobs]
    kept = {a.jobs[0]: a.group for a in place(round_, choices, 0xFF)}
    assert kept[0] == pairs[3]
    assert kept[1] == pairs[2]
    assert kept[2] in pairs[:2]
    moved = {a.jobs[0]: a.group for a in place(round_, choices, 0xFF, preserve=False)}
    assert [moved[i] for i in range(3)] == list(pairs[:3])


def test_growing_jobs_stay_around_their_gpus() -> None:
    """Tests that a job that goes from 2 to 4 GPUs takes the block with its own two in it."""
    grown = job(0, LARGE, group=C8.groups(2)[2])
    assert place(round_of([grown], C8), [Choice(grown, 4, 1)], 0xFF)[0].group.gpus == (4, 5, 6, 7)


def test_new_jobs_leave_held_groups_alone() -> None:
    """Tests that a new job of 4 GPUs goes where no smaller job has its GPUs."""
    new, small = job(0, LARGE), job(1, MEDIUM, group=C8.groups(1)[0])
    placed = {
        a.jobs[0]: a.group for a in place(round_of([new, small], C8), [Choice(new, 4, 1), Choice(small, 1, 1)], 0xFF)
    }
    assert placed[0].gpus == (4, 5, 6, 7)
    assert placed[1].gpus == (0,)


@pytest.mark.parametrize("cluster", [C8, Cluster.pairs(8)])
@pytest.mark.parametrize(
    ("free_at", "gpus"), [((3, 0, 2, 1, 0, 0, 1, 1), (4, 5)), ((3, 0, 2, 1, 2, 2.5, 1, 1.5), (6, 7))]
)
def test_a_new_job_takes_the_group_that_is_free_first(
    cluster: Cluster, free_at: tuple[float, ...], gpus: tuple[int, ...]
) -> None:
    """Tests that a group in no step is taken, else the one whose steps end first; on the grid of rounds the first."""
    j = job(0, LARGE)
    for cadence, expected in ((EVENTS, gpus), (ROUNDS, (0, 1))):
        round_ = round_of([j], cluster, cadence=cadence, free_at=free_at)
        assert place(round_, [Choice(j, 2, 1)], 0xFF)[0].group.gpus == expected


@pytest.mark.parametrize("cluster", [C8, Cluster.pairs(8)])
def test_the_most_urgent_choose_first_where_some_gpus_are_busy(cluster: Cluster) -> None:
    """Tests two new jobs of four GPUs, half of which end a step first: the idle ones go to who must start first."""
    patient, urgent = job(0, LARGE, 5, due=9.0), job(1, LARGE, 5, due=1.2)
    round_ = round_of([patient, urgent], cluster, cadence=EVENTS, free_at=(0, 0, 0, 0, 0.5, 0, 0, 0))
    placed = place(round_, [Choice(patient, 4, 1), Choice(urgent, 4, 1)], 0xFF)
    assert {a.jobs[0]: a.group.gpus for a in placed} == {0: (4, 5, 6, 7), 1: (0, 1, 2, 3)}


def test_fast_links_first() -> None:
    """Tests that with all subsets on pairs a group of two takes an NVLink bridge, also a far one."""
    cluster = Cluster.pairs(4, grouping="all")
    j = job(0, LARGE)
    assert place(round_of([j], cluster), [Choice(j, 2, 1)], 0b1110)[0].group.gpus == (2, 3)


def test_unplaceable_choices_are_left_out() -> None:
    """Tests that a choice for which no group is free is dropped, and the rest placed."""
    a, b = job(0, LARGE), job(1, SHAPES[0])
    placed = place(round_of([a, b], C8), [Choice(a, 8, 1), Choice(b, 1, 1)], 0b11110111)
    assert [assignment.jobs for assignment in placed] == [(1,)]


def test_a_slow_link_that_costs_the_deadline_is_left_out() -> None:
    """Tests that two GPUs joined by PCIe are refused to a job that is in time on a bridged pair alone."""
    cluster = Cluster.pairs(4, grouping="all")
    fast, slow = 0.36, 0.36 * 1.4
    assert TOY.step_time(LARGE, 2, "pcie") == slow
    for due, groups in ((10 * 0.19 * 1.4 + slow, 1), (10 * 0.19 * 1.4 + 0.5 * (fast + slow) - 0.19 * 1.4, 0)):
        j = job(0, LARGE, 10, due=due)
        round_ = round_of([j], cluster, cadence=EVENTS)
        assert len(place(round_, [Choice(j, 2, 1)], 0b0110)) == groups
        assert len(place(round_, [Choice(j, 2, 1)], 0b0111)) == 1


@pytest.mark.parametrize(("due", "placed"), [(0.4, []), (0.5, [1])])
def test_a_job_that_a_move_would_make_late_waits_for_its_gpus(due: float, placed: list[int]) -> None:
    """Tests a job of .25 s at its fastest that a move costs .2 s: elsewhere it begins only if it can pay for that."""
    j = job(1, MEDIUM, due=due, group=C8.groups(8)[0])
    round_ = round_of([j], C8, cadence=EVENTS, regroup_seconds=0.2)
    assert [a.jobs[0] for a in place(round_, [Choice(j, 4, 1)], 0x0F)] == placed
    assert [a.jobs[0] for a in place(round_, [Choice(j, 8, 10)], 0xFF)] == [1]
