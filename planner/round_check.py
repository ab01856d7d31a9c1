"""What a round refuses when it is made.

A round is made at every decision: what is right passes by a few comparisons, and only what is not is looked at closely.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from planner.cluster import Cluster
from planner.errors import ParameterError, is_finite
from planner.job import Job
from profiles.profile import Profile

if TYPE_CHECKING:
    from planner.round import Round

_JOBS = {Job}


def check_round(round_: Round) -> None:
    """Refuse a round with a field of another type or not finite, with two jobs of one id, and the like.

    Raises
    ------
    ParameterError
        With the field and its value.
    """
    if not _sound(round_):
        _refuse_fields(round_)
        _refuse_jobs(round_)


def _sound(round_: Round) -> bool:
    """Whether a round is surely right; False where a closer look is needed."""
    now, jobs, free_at, cluster = round_.now, round_.jobs, round_.free_at, round_.cluster
    if not (
        type(now) is float
        and type(jobs) is tuple
        and type(free_at) is tuple
        and type(cluster) is Cluster
        and type(round_.profile) is Profile
        and hasattr(round_.cadence, "tau")
        and type(round_.regroup_seconds) is float
        and round_.regroup_seconds >= 0.0
        and type(round_.demand) is float
        and round_.demand >= 0.0
        and len(free_at) == cluster.gpus
        and (not round_.decoding or _gpus_once(round_.decoding, cluster.gpus))
        and _JOBS.issuperset(map(type, jobs))
    ):
        return False
    try:
        if not math.isfinite(
            now + round_.regroup_seconds + round_.demand + sum(free_at)
        ):  # NaN and infinity survive a sum
            return False
    except TypeError:
        return False
    by_mask, seen, used = cluster.by_mask, set(), 0
    for job in jobs:
        seen.add(job.request.id)
        group = job.group
        if group is not None:
            mask = group.mask
            if by_mask.get(mask) is not group:
                return False
            if job.running:
                if used & mask:
                    return False
                used |= mask
    return len(seen) == len(jobs)


def _refuse_fields(round_: Round) -> None:
    """Raise for the first field that is wrong."""
    from planner.round import Cadence

    if not is_finite(round_.now):
        raise ParameterError("now", round_.now, "a finite time in seconds is needed")
    for name, kind in (("cluster", Cluster), ("profile", Profile), ("cadence", Cadence)):
        if not isinstance(getattr(round_, name), kind):
            raise ParameterError(name, getattr(round_, name), f"a {kind.__name__} is needed")
    if type(round_.jobs) is not tuple or any(type(job) is not Job for job in round_.jobs):
        raise ParameterError("jobs", round_.jobs, "a tuple of Job is needed")
    for name, value in (("regroup_seconds", round_.regroup_seconds), ("demand", round_.demand)):
        if not (is_finite(value) and value >= 0):
            raise ParameterError(name, value, "a number of at least 0 is needed")
    free_at, gpus = round_.free_at, round_.cluster.gpus
    if type(free_at) is not tuple:
        raise ParameterError("free_at", free_at, "a tuple of times in seconds, one per GPU, is needed")
    if len(free_at) != gpus:
        raise ParameterError("free_at", free_at, f"{len(free_at)} times are given, but the cluster has {gpus} GPUs")
    for gpu, time in enumerate(free_at):
        if not is_finite(time):
            raise ParameterError(f"free_at[{gpu}]", time, "a finite time in seconds is needed")
    if not _gpus_once(round_.decoding, gpus):
        raise ParameterError(
            "decoding", round_.decoding, f"a tuple of GPUs from 0 to {gpus - 1} is needed, none of them twice"
        )


def _gpus_once(decoding: object, gpus: int) -> bool:
    """Whether these are GPUs of the cluster, each named once."""
    return (
        type(decoding) is tuple
        and all(type(gpu) is int and 0 <= gpu < gpus for gpu in decoding)
        and len(set(decoding)) == len(decoding)
    )


def _refuse_jobs(round_: Round) -> None:
    """Raise for the first job that cannot be beside those before it, or is on a group that is not there."""
    seen: set[int] = set()
    running: list[tuple[int, Job]] = []
    for at, job in enumerate(round_.jobs):
        if job.id in seen:
            raise ParameterError(f"jobs[{at}].id", job.id, "another job of the round has it")
        seen.add(job.id)
        group = job.group
        if group is None:
            continue
        if round_.cluster.by_mask.get(group.mask) != group:
            raise ParameterError(f"jobs[{at}].group", group, f"that is no group of cluster {round_.cluster.name}")
        if not job.running:
            continue
        for mask, other in running:
            batch = mask == group.mask and other.request.shape == job.request.shape
            if mask & group.mask and not batch:
                raise ParameterError(f"jobs[{at}].group", group.gpus, f"job {other.id} runs on one of these GPUs")
        running.append((group.mask, job))
