"""Work-conserving elastic scale-up: idle GPUs go to running jobs that more GPUs make faster (paper, section 4.3)."""

from __future__ import annotations

from collections.abc import Sequence

from planner.capacity import steps_within
from planner.cluster import Group
from planner.job import Job
from planner.plan import Assignment
from planner.round import EPSILON, Round


def scale_up(round_: Round, assignments: Sequence[Assignment], free: int) -> list[Assignment]:
    """Widen assignments into idle GPUs, the job that would finish most earlier first, until nothing gains.

    Parameters
    ----------
    round_
        The instance.
    assignments
        Single jobs on groups disjoint from ``free``; batches are left as they are.
    free
        Mask of the idle GPUs.

    Returns
    -------
    list of Assignment
        In the given order, with larger groups where that makes a step strictly faster.
    """
    result = list(assignments)
    if not free:
        return result
    jobs = {job.request.id: job for job in round_.jobs}
    while free:
        best = -1
        best_gain = EPSILON
        best_group: Group | None = None
        for index, assignment in enumerate(result):
            if len(assignment.jobs) > 1:
                continue
            job = jobs[assignment.jobs[0]]
            group = _wider(round_, job, assignment.group, free)
            if group is None:
                continue
            times = round_.costs.of(job.request.shape).by_mask
            gain = job.steps_left * (times[assignment.group.mask] - times[group.mask])
            if gain > best_gain:
                best, best_gain, best_group = index, gain, group
        if best_group is None:
            break
        old = result[best]
        job = jobs[old.jobs[0]]
        seconds = round_.costs.of(job.request.shape).by_mask[best_group.mask]
        result[best] = Assignment(old.jobs, best_group, max(old.steps, steps_within(round_, seconds, job.steps_left)))
        free &= ~best_group.mask
    return result


def _wider(round_: Round, job: Job, group: Group, free: int) -> Group | None:
    """Return the least larger group around ``group``, of idle GPUs, on which a step is faster and fits the round."""
    costs = round_.costs.of(job.request.shape)
    now = costs.by_mask[group.mask]
    reach = free | group.mask
    for degree in costs.degrees:
        if degree <= group.degree:
            continue
        best: Group | None = None
        for wider in round_.cluster.groups(degree):
            mask = wider.mask
            if mask & group.mask == group.mask and mask & reach == mask and costs.by_mask.get(mask, now) < now:
                if best is None or costs.by_mask[mask] < costs.by_mask[best.mask]:
                    best = wider
                if round_.cluster.laminar:
                    break
        if best is not None:
            return best
    return None
