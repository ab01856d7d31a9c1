"""Which GPUs a round may hand out, and how many steps fit into it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from planner.cluster import Cluster, Group
from planner.job import Job
from planner.round import Round

OVERRUN = 0.25
"""Share of a round by which a segment of the last round may overrun (noise, planner latency) without losing its GPUs."""


def available_mask(round_: Round) -> int:
    """Mask of the GPUs that this plan may use.

    All of them, since running segments yield at their next step boundary, but for those that make an image: there is
    another decision when it is made. On the grid of ``rounds`` those that are free at the boundary; a step or an image that
    lasts into the next round keeps its GPUs.
    """
    if not round_.cadence.on_grid:
        return round_.cluster.full_mask & ~sum(1 << gpu for gpu in round_.decoding)
    limit = latest_start(round_)
    free_at = round_.free_at
    if max(free_at) <= limit:
        return round_.cluster.full_mask
    return sum(1 << gpu for gpu, free in enumerate(free_at) if free <= limit)


def latest_start(round_: Round) -> float:
    """Until when a segment of the last round may last to count as ended at this boundary."""
    return round_.now + OVERRUN * round_.cadence.tau


def steps_within(round_: Round, seconds: float, steps_left: int) -> int:
    """Steps of ``seconds`` each that fit into a round: ``min(steps_left, floor(tau / seconds))``.

    With cadence ``events`` at least one, since no boundary cuts a step off; off the grid of ``rounds`` all that are left.
    """
    cadence = round_.cadence
    if cadence.kind == "rounds" and not cadence.grid:
        return steps_left
    steps = int(cadence.tau / seconds + 1e-6)
    if steps < 1 and cadence.kind == "events":
        steps = 1
    return steps if steps < steps_left else steps_left


def segment_steps(round_: Round, seconds: float, steps_left: int) -> int:
    """Steps that a job is given at once: all that are left, or on the grid of ``rounds`` those that fit into the round."""
    return steps_within(round_, seconds, steps_left) if round_.cadence.on_grid else steps_left


def blocks_free(round_: Round, free: int) -> dict[int, int]:
    """Count the legal groups of each degree that lie wholly in ``free``."""
    cluster = round_.cluster
    if free == cluster.full_mask:
        return dict(cluster.counts)
    if cluster.grouping == "aligned":
        return {degree: first_gpus(cluster, degree, free).bit_count() for degree in cluster.degrees}
    return {
        degree: sum(1 for group in cluster.groups(degree) if group.mask & free == group.mask)
        for degree in cluster.degrees
    }


def first_gpus(cluster: Cluster, degree: int, free: int) -> int:
    """Return the mask of the first GPU of each aligned block of a degree that lies wholly in ``free``."""
    width = 1
    while width < degree:  # a bit stays where the ``width`` bits from it on are set
        more = min(width, degree - width)
        free &= free >> more
        width += more
    return free & _first_gpus(degree, cluster.counts[degree])


@lru_cache(maxsize=1024)
def _first_gpus(degree: int, count: int) -> int:
    """Return the mask of the first GPU of each of so many blocks."""
    return sum(1 << degree * at for at in range(count))


def moving_seconds(round_: Round, jobs: Sequence[Job], degree: int, group: Group | None = None) -> float:
    """Return what jobs lose by going on together on a group, or at the least on any one of a degree."""
    if not round_.regroup_seconds:
        return 0.0
    if group is not None:
        return max(round_.move_seconds(job, group) for job in jobs)
    held = {job.group.mask for job in jobs if job.group is not None}
    stay = not held or (len(held) == 1 and next(iter(held)).bit_count() == degree)
    return 0.0 if stay else round_.regroup_seconds


def begins(round_: Round, jobs: Sequence[Job], moving: float) -> float:
    """Return when jobs can begin a step together, after so many seconds of a move."""
    return max(round_.now, *(job.ready for job in jobs)) + moving
