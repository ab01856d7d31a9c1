"""Batches: several jobs of one shape that share the steps of one group.

A batch is offered where the profile knows its step time, a step of it takes less time than the steps of its members one
after another, and all of its members survive it. Members are neighbours in order of deadline, so there are few.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from planner.capacity import begins, moving_seconds, steps_within
from planner.cluster import Group
from planner.round import Round
from profiles.shape import Shape


class Batch(NamedTuple):
    """Jobs (by position in the round) on a number of GPUs, or on one group, for some steps, from ``ready`` on."""

    jobs: tuple[int, ...]
    degree: int
    steps: int
    seconds: float
    group: Group | None
    ready: float


def batches_of(round_: Round, free: int | None) -> list[Batch]:
    """All batches, per degree when ``free`` is None, per group inside ``free`` otherwise."""
    by_shape: dict[Shape, list[int]] = {}
    for index, job in enumerate(round_.jobs):
        if not round_.hopeless(job):
            by_shape.setdefault(job.request.shape, []).append(index)
    found: list[Batch] = []
    for shape, members in by_shape.items():
        members.sort(key=lambda i: (round_.jobs[i].due, round_.jobs[i].request.id))
        for group, alone in _groups(round_, shape, free):
            for size in round_.profile.batches(shape, group.degree, group.link):
                if not 1 < size <= len(members):
                    continue
                seconds = round_.costs.batch_time(shape, group, size)
                if seconds >= size * alone:
                    continue
                for first in range(len(members) - size + 1):
                    chosen = tuple(sorted(members[first : first + size]))
                    jobs = [round_.jobs[i] for i in chosen]
                    steps = steps_within(round_, seconds, min(job.steps_left for job in jobs))
                    if steps:
                        where = None if free is None else group
                        ready = begins(round_, jobs, moving_seconds(round_, jobs, group.degree, where))
                        found.append(Batch(chosen, group.degree, steps, seconds, where, ready))
    return found


def _groups(round_: Round, shape: Shape, free: int | None) -> list[tuple[Group, float]]:
    """Groups to offer with the step time of one job; where they are alike, the first of each useful degree."""
    costs = round_.costs.of(shape)
    if free is None:
        alike = ((round_.cluster.groups(degree)[0], costs.step_time[degree]) for degree in costs.degrees)
        return [(group, alone) for group, alone in alike if group.mask in costs.by_mask]
    inside = (group for group in round_.cluster.all_groups if group.mask & free == group.mask)
    return [(group, costs.by_mask[group.mask]) for group in inside if group.mask in costs.by_mask]


def sizes_at_most(round_: Round, by_degree: bool) -> list[int]:
    """Return how many jobs are in each batch that could be offered."""
    counts = Counter(job.request.shape for job in round_.jobs)
    cluster = round_.cluster
    groups = [cluster.groups(degree)[0] for degree in cluster.degrees] if by_degree else cluster.all_groups
    sizes: list[int] = []
    for shape, jobs in counts.items():
        for group in groups:
            for size in round_.profile.batches(shape, group.degree, group.link):
                if 1 < size <= jobs:
                    sizes += [size] * (jobs - size + 1)
    return sizes
