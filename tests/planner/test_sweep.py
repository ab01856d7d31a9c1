"""The sweep through time: what it admits, in whose favour, and that it never gives out more GPUs than there are."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings

from planner.cluster import Cluster
from planner.round import Round
from planner.sweep import admit_swept, backlog_of, sweep
from tests.strategies import EVENTS, LARGE, MEDIUM, SMALL, job, round_of, rounds

C16 = Cluster.nvlink(16)


@settings(max_examples=80)
@given(rounds(least=1))
def test_whole_gpus_are_given_once(round_: Round) -> None:
    """Tests that the degrees of now are ones that the shapes have, and need no more GPUs than there are."""
    jobs = [j for j in round_.jobs if not round_.hopeless(j)]
    if not jobs:
        return
    degrees, gpus = round_.cluster.degrees, round_.cluster.gpus
    swept = sweep(backlog_of(round_, jobs, [1.0] * len(jobs)), degrees, gpus)
    given_out = [degrees[k] for k in swept.now.tolist() if k >= 0]
    assert sum(given_out) <= gpus
    for j, k in zip(jobs, swept.now.tolist(), strict=True):
        assert k < 0 or degrees[k] in round_.costs.of(j.request.shape).degrees


@settings(max_examples=60)
@given(rounds(least=1))
def test_those_admitted_run_within_the_cluster(round_: Round) -> None:
    """Tests that jobs are admitted once, in an order of positions, and that only admitted ones run."""
    jobs = [j for j in round_.jobs if not round_.hopeless(j)]
    if not jobs:
        return
    admitted, degrees = admit_swept(round_, jobs, [j.request.weight for j in jobs])
    ids = [j.id for j in admitted]
    assert len(set(ids)) == len(ids)
    assert set(degrees) <= set(ids) <= {j.id for j in jobs}
    assert sum(degrees.values()) <= round_.cluster.gpus


def test_everybody_is_admitted_where_nobody_is_lost() -> None:
    """Tests that jobs with ample time are all served."""
    jobs = [job(i, (SMALL, MEDIUM, LARGE)[i % 3], 10, due=60.0) for i in range(30)]
    assert len(admit_swept(round_of(jobs, C16, cadence=EVENTS), jobs, [1.0] * 30).jobs) == 30


def test_the_most_weight_per_gpu_second_is_served() -> None:
    """Tests that of many images of which two at a time are possible the small and the heavy ones are taken."""
    jobs = [job(i, LARGE, 40, due=4.2, weight=9.0 if i == 7 else 1.0) for i in range(12)]
    jobs += [job(12 + i, SMALL, 10, due=4.2) for i in range(4)]
    round_ = round_of(jobs, C16, cadence=EVENTS)
    served = {j.id for j in admit_swept(round_, jobs, [j.request.weight for j in jobs]).jobs}
    assert {7, 12, 13, 14, 15} <= served
    assert len(served & set(range(12))) <= 2


def test_a_change_to_a_degree_below_the_fastest_leaves_half_a_step() -> None:
    """Tests ten steps of .03 s on four GPUs that are due in .31 s: a new job wants eight, and one that runs on four stays."""
    four = C16.groups(4)[0]
    jobs = [job(0, MEDIUM, 10, due=0.31), job(1, MEDIUM, 10, due=0.31, group=four, running=True)]
    backlog = backlog_of(round_of(jobs, C16, cadence=EVENTS), jobs, [1.0, 1.0])
    wanted = backlog.wanted(backlog.left, backlog.due, backlog.held)
    assert [C16.degrees[k] for k in wanted.tolist()] == [8, 4]


def test_what_cannot_be_is_lost() -> None:
    """Tests that three jobs that each need eight of sixteen GPUs for nearly all of their time lose at least one."""
    jobs = [job(i, LARGE, 40, due=4.1) for i in range(3)]
    backlog = backlog_of(round_of(jobs, C16, cadence=EVENTS), jobs, [1.0] * 3)
    assert sweep(backlog, C16.degrees, 16).lost.any()
    two = backlog.of(np.array([0, 1]))
    assert not sweep(two, C16.degrees, 16).lost.any()
