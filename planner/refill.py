"""What begins on GPUs that become free between plans: with cadence ``rounds`` nothing is decided before the boundary.

A job that ends within a round would leave its GPUs idle until then. So a plan names successors
(:attr:`planner.plan.Plan.then`): jobs that wait, the most weight per GPU-second first, on the GPUs that become free
first. Each takes as few GPU-seconds as its deadline allows from there on, or half as many GPUs where it can go on after
the boundary as wide as it wants to.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from heapq import heapify, heappop, heappush

from planner.allocation import needed_gpu_seconds
from planner.cluster import Cluster, Group
from planner.job import Job
from planner.plan import Assignment
from planner.round import EPSILON, Round


def refill(round_: Round, assignments: Sequence[Assignment], jobs: Collection[Job]) -> tuple[Assignment, ...]:
    """Return what follows assignments that end before the next decision.

    Parameters
    ----------
    round_, assignments
        The instance, and the plan. Only on groups on which a job runs to its end without a gap does another follow.
    jobs
        Those to choose from; what the plan names, or runs until its next step boundary, is passed over.

    Returns
    -------
    tuple of Assignment
        None with cadence ``events``, where a decision follows whenever GPUs become free.
    """
    if round_.cadence.kind == "events":
        return ()
    freed = _freed(round_, assignments)
    named = {id_ for assignment in assignments for id_ in assignment.jobs}
    queue = [job for job in jobs if job.id not in named and job.ready <= round_.now]
    if not freed or not queue:
        return ()
    costs_of = round_.costs.of
    burden = {job.id: needed_gpu_seconds(round_, job) / job.request.weight for job in queue}
    queue.sort(key=lambda job: (burden[job.id], job.id))
    taken = [False] * len(queue)
    passed = dict.fromkeys(round_.cluster.degrees, 0)  # who has no use for a group has none for a later one
    result: list[Assignment] = []
    heapify(freed)
    while freed:
        at, first, size = heappop(freed)
        degree, i = 0, passed[size]
        while i < len(queue):
            if not taken[i] and (degree := _degree(round_, queue[i], at, size)):
                break
            i += 1
        passed[size] = i
        if not degree:
            continue
        own, *rest = _split(round_.cluster, first, size, degree)
        if own.mask in costs_of(queue[i].request.shape).by_mask:
            result.append(Assignment((queue[i].id,), own, queue[i].steps_left))
            taken[i] = True
            for other in rest:
                heappush(freed, (at, other.gpus[0], other.degree))
    return tuple(result)


def _freed(round_: Round, assignments: Sequence[Assignment]) -> list[tuple[float, int, int]]:
    """When a group becomes free within the round, its first GPU and its size; groups that are no aligned blocks, never."""
    if not (round_.cluster.laminar and round_.cluster.uniform):
        return []
    jobs = {job.id: job for job in round_.jobs}
    freed = []
    for assignment in assignments:
        job, group = jobs[assignment.jobs[0]], assignment.group
        if job.running and job.group == group and len(assignment.jobs) == 1 and assignment.steps == job.steps_left:
            ends = job.ready + assignment.steps * round_.costs.of(job.request.shape).by_mask[group.mask]
            if ends < round_.now + round_.cadence.tau - EPSILON:
                freed.append((ends, group.gpus[0], group.degree))
    return freed


def _degree(round_: Round, job: Job, at: float, most: int) -> int:
    """Return how many GPUs a job takes that begins at a time, 0 if it must wait for more than there are."""
    costs = round_.costs.of(job.request.shape)
    if job.group is not None:
        at += round_.regroup_seconds
    allowed = job.due - at + EPSILON
    wanted, least = -1, float("inf")
    for i, seconds in enumerate(costs.seconds):
        if job.steps_left * seconds <= allowed and costs.degrees[i] * seconds < least:
            wanted, least = i, costs.degrees[i] * seconds
    if wanted < 0:
        return 0
    if costs.degrees[wanted] <= most:
        return costs.degrees[wanted]
    half = wanted - 1
    if costs.degrees[half] > most:
        return 0
    steps = int((round_.now + round_.cadence.tau - at) / costs.seconds[half]) + 1
    after = (job.steps_left - steps) * costs.seconds[wanted]
    return costs.degrees[half] if steps * costs.seconds[half] + after <= allowed else 0


def _split(cluster: Cluster, first: int, size: int, degree: int) -> list[Group]:
    """Divide an aligned block into a group of a degree, the first, and as large ones as there can be."""
    blocks = [cluster.groups(degree)[first // degree]]
    taken, sizes = degree, [other for other in cluster.degrees if degree <= other < size]
    for at, smaller in enumerate(sizes):
        until = sizes[at + 1] if at + 1 < len(sizes) else size
        while taken < until:
            blocks.append(cluster.groups(smaller)[(first + taken) // smaller])
            taken += smaller
    return blocks
