"""Work-conserving elastic scale-up: idle GPUs go to running jobs that more GPUs make faster (paper, section 4.3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heappop, heappush

from planner.capacity import steps_within
from planner.cluster import Group
from planner.job import Job
from planner.plan import Assignment
from planner.round import EPSILON, Round
from planner.timely import steps_in_time

Allows = Callable[[Assignment | None, Assignment], bool]
"""Whether an assignment may take the place of another, or of waiting (None)."""


def scale_up(
    round_: Round, assignments: Sequence[Assignment], free: int, allows: Allows | None = None
) -> list[Assignment]:
    """Widen assignments into idle GPUs, the job that would finish most earlier first, until nothing gains.

    Parameters
    ----------
    round_
        The instance.
    assignments
        Single jobs on groups disjoint from ``free``; batches are left as they are.
    free
        Mask of the idle GPUs.
    allows
        Which assignments may be widened, and into what; by default all.

    Returns
    -------
    list of Assignment
        In the given order, with larger groups where that makes a step strictly faster.
    """
    result = list(assignments)
    if not free or not result:
        return result
    jobs = {job.request.id: job for job in round_.jobs}
    if round_.cluster.laminar:  # what one job can reach, no other can, and the larger groups around it are nested
        wider_than = round_.cluster.wider
        for index, assignment in enumerate(assignments):
            if not free:
                break
            mask = assignment.group.mask
            larger = wider_than[mask]
            if not larger or len(assignment.jobs) > 1 or (around := larger[0].mask ^ mask) & free != around:
                continue
            job, group, steps = jobs[assignment.jobs[0]], assignment.group, assignment.steps
            while free and (found := _offer(round_, job, group, free)) and found[0] > EPSILON:
                more = _steps(round_, job, steps, found[1])
                if not more or (
                    allows is not None
                    and not allows(
                        Assignment(assignment.jobs, group, steps), Assignment(assignment.jobs, found[1], more)
                    )
                ):
                    break
                group, steps = found[1], more
                free &= ~group.mask
            if group is not assignment.group:
                result[index] = Assignment(assignment.jobs, group, steps)
        return result
    single = [index for index, assignment in enumerate(result) if len(assignment.jobs) == 1]
    heap: list[tuple[float, int, Group]] = []

    def offer(index: int) -> None:
        assignment = result[index]
        found = _offer(round_, jobs[assignment.jobs[0]], assignment.group, free)
        if found is not None and found[0] > EPSILON:
            heappush(heap, (-found[0], index, found[1]))

    for index in single:
        offer(index)
    while heap:
        _, index, group = heappop(heap)
        old = result[index]
        if group.mask & (free | old.group.mask) != group.mask:
            offer(index)
            continue
        steps = _steps(round_, jobs[old.jobs[0]], old.steps, group)
        if not steps:
            continue
        wider = Assignment(old.jobs, group, steps)
        if allows is not None and not allows(old, wider):
            continue
        result[index] = wider
        free &= ~group.mask
        offer(index)
    return result


def _steps(round_: Round, job: Job, before: int, group: Group) -> int:
    """Return for how many steps a job runs on a larger group: as many as before, or a round's worth there if that is more.

    A round's worth only if that does not cost the deadline; none where the move there does.
    """
    seconds = round_.costs.of(job.request.shape).by_mask[group.mask]
    more = steps_within(round_, seconds, job.steps_left)
    moving = round_.move_seconds(job, group)
    return steps_in_time(round_, job, seconds, max(before, more), moving) or steps_in_time(
        round_, job, seconds, before, moving
    )


def _offer(round_: Round, job: Job, group: Group, free: int) -> tuple[float, Group] | None:
    """Return the least larger group around ``group``, of idle GPUs, on which steps are faster, and the seconds gained.

    Among groups of one degree, the fastest. What a move costs is taken off, unless the job moves anyway.
    """
    costs = round_.costs.of(job.request.shape)
    times = costs.by_mask
    now = times[group.mask]
    if now <= costs.fastest:
        return None
    reach = free | group.mask
    best: Group | None = None
    best_time = now
    for wider in round_.cluster.wider[group.mask]:
        if best is not None and wider.degree > best.degree:
            break
        mask = wider.mask
        if mask & reach == mask and (seconds := times.get(mask, now)) < best_time:
            best, best_time = wider, seconds
    if best is None:
        return None
    gained = job.steps_left * (now - best_time)
    if round_.regroup_seconds:
        gained -= round_.move_seconds(job, best) - round_.move_seconds(job, group)
    return gained, best
