"""A cell's round and its plan as they travel to a worker and back.

What stays the same from decision to decision (solver, cluster, profile) is packed once, as bytes; a worker keeps what it
has unpacked, so that groups and step times are made once per process. Groups travel as masks.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from planner.cluster import Cluster
from planner.job import Job
from planner.plan import Assignment, Certificate, Plan
from planner.request import Request
from planner.round import Cadence, Round
from planner.solvers.protocol import Solver
from profiles.profile import Profile

PackedJob = tuple[Request, int, float, float, int, bool, float]
PackedRound = tuple[float, list[PackedJob], tuple[float, ...], Cadence, float, float, tuple[int, ...]]
PackedAssignment = tuple[tuple[int, ...], int, int]
PackedPlan = tuple[list[PackedAssignment], Certificate, list[PackedAssignment]]


PackedWork = tuple[bytes, bytes, PackedRound, float]


@lru_cache(maxsize=64)
def _packed(cluster: Cluster, profile: Profile) -> bytes:
    """Pack a place without what was derived from it."""
    bare = Cluster(cluster.name, cluster.gpus, cluster.edges, cluster.links, cluster.grouping, cluster.degrees)
    return pickle.dumps((bare, profile))


@lru_cache(maxsize=16)
def _unpacked(data: bytes) -> Any:
    return pickle.loads(data)


def pack_work(solver: Solver, rounds: Sequence[Round], budget: float) -> list[PackedWork]:
    """Return what :func:`plan_packed` takes for each round."""
    packed = pickle.dumps(solver)
    return [(packed, _packed(round_.cluster, round_.profile), _bare_round(round_), budget) for round_ in rounds]


def _bare_round(round_: Round) -> PackedRound:
    """Pack what changes."""
    jobs = [
        (
            job.request,
            job.steps_left,
            job.due,
            job.ready,
            0 if job.group is None else job.group.mask,
            job.running,
            job.decode,
        )
        for job in round_.jobs
    ]
    return (
        round_.now,
        jobs,
        round_.free_at,
        round_.cadence,
        round_.regroup_seconds,
        round_.demand,
        round_.decoding,
    )


def plan_packed(solver: bytes, place: bytes, packed: PackedRound, budget: float) -> PackedPlan:
    """Plan a cell: what a worker does."""
    planner: Solver = _unpacked(solver)
    cluster, profile = _unpacked(place)
    now, packed_jobs, free_at, cadence, regroup_seconds, demand, decoding = packed
    groups = cluster.by_mask
    jobs = tuple(
        Job(request, steps, due, ready, groups[mask] if mask else None, running, decode)
        for request, steps, due, ready, mask, running, decode in packed_jobs
    )
    round_ = Round(now, jobs, cluster, profile, free_at, cadence, regroup_seconds, demand, decoding)
    plan = planner.solve(round_, budget)
    return _bare(plan.assignments), plan.certificate, _bare(plan.then)


def unpack_plans(rounds: Sequence[Round], packed: Sequence[PackedPlan]) -> list[Plan]:
    """Return the plan of each round, on the groups of its cluster."""
    plans = []
    for round_, (now, certificate, later) in zip(rounds, packed, strict=True):
        groups = round_.cluster.by_mask
        assignments, then = (
            tuple(Assignment(jobs, groups[mask], steps) for jobs, mask, steps in part) for part in (now, later)
        )
        plans.append(Plan(assignments, certificate, then))
    return plans


def _bare(assignments: Sequence[Assignment]) -> list[PackedAssignment]:
    return [(a.jobs, a.group.mask, a.steps) for a in assignments]
