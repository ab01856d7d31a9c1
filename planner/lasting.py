"""How long the segments of a rule last: until deciding anew could change something, and no longer.

With cadence ``events`` a decision follows whenever a request comes or leaves, and whenever a segment ends. A rule whose
segments end with a round's worth is asked again and again what it has answered already. Where groups are blocks and all
alike, jobs keep their GPUs as long as they ask for no more than they have; so while nobody comes or leaves, another answer
can only follow from one of these, which a rule knows beforehand:

- A job that runs makes room for one that waits: fewer GPUs have become enough for it, or its turn is over.
- Steps turn out to be slower than the profile says (:data:`DRIFT`), and what was in time no longer is.

So a plan says itself, by its steps, when it wants to be made anew.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from planner.cluster import Group
from planner.costs import ShapeCosts
from planner.idle import mask_of
from planner.job import Job
from planner.late import LateRule
from planner.plan import Assignment
from planner.round import EPSILON, Round

DRIFT = 0.05
"""Share by which steps may be slower than the profile says without a job being late before it is looked at again."""

SOON = 0.1
"""Share of a step for which a job rather waits than begins it, when another is about to leave its GPUs."""

Limit = Callable[[Job, Assignment, float], int]
"""Steps that a job on time which begins at some time may run before a decision could change something."""


def contenders(
    round_: Round, plan: Sequence[Assignment], timely: Sequence[Job], late: Sequence[Job], rule: LateRule
) -> list[Job] | None:
    """Return the jobs on time that wait for GPUs which others on time have, or None where more can change a plan.

    Parameters
    ----------
    round_, plan
        The instance, and what a rule makes of it, of single jobs.
    timely, late
        Jobs that can be on time, and those that cannot.
    rule
        What late jobs get.
    """
    cluster = round_.cluster
    if round_.cadence.kind != "events" or not (cluster.laminar and cluster.uniform) or (late and rule == "brief"):
        return None
    running = {assignment.jobs[0] for assignment in plan}
    waiting = [job for job in timely if job.request.id not in running]
    if waiting and (mask_of(plan) != cluster.full_mask or any(job.id in running for job in late)):
        return None  # who waits too long may get what late jobs get
    return waiting


_End = tuple[float, float, Assignment]
"""When a job leaves its GPUs, seconds per step until then, and what it leaves."""


def lasting(
    round_: Round,
    plan: Sequence[Assignment],
    timely: Sequence[Job],
    late: Sequence[Job],
    limit: Limit,
    elastic: bool,
) -> tuple[list[Assignment], bool]:
    """Return a plan with segments that last as long as ``limit`` says, in whole rounds' worths; late jobs run on.

    Where idle GPUs widen what runs (``elastic``), a segment ends just before a job beside it leaves its GPUs (:data:`SOON`).

    And whether it stands when what it stops has come to its step boundary: not if a job on time has then waited so long for
    its GPUs that ``limit`` gives it no step.
    """
    on_time = {job.request.id: job for job in timely}
    others = {job.request.id: job for job in late}
    costs_of, largest = round_.costs.of, round_.cluster.degrees[-1]
    leaving: dict[int, list[_End]] = {}  # by the largest block that they are in
    segments: list[tuple[Assignment, float, float, int, list[_End]]] = []
    stands = True
    for assignment in plan:
        group, worth = assignment.group, assignment.steps
        block = group.gpus[0] // largest
        beside = leaving.get(block)
        if beside is None:
            beside = leaving[block] = []
        job = on_time.get(assignment.jobs[0])
        if job is None:
            job = others[assignment.jobs[0]]
            begins = _begins(round_, job, group)
            limited = left = job.steps_left
        else:
            begins, left = _begins(round_, job, group), job.steps_left
            limited = limit(job, assignment, begins)
            stands = stands and limited > 0
        costs = costs_of(job.request.shape)
        seconds = costs.by_mask[group.mask]
        steps = left if limited >= left else max(worth, limited // worth * worth)
        if steps == left:
            beside.append((begins + left * seconds, seconds, assignment))
        segments.append((assignment, begins, seconds, steps, beside if elastic and seconds > costs.fastest else []))
    return [_prolonged(*segment) for segment in segments], stands


def _prolonged(
    assignment: Assignment, begins: float, seconds: float, steps: int, leaving: Sequence[_End]
) -> Assignment:
    """Return an assignment for as many steps as it may last.

    A job that more GPUs would make faster ends its segment just before one beside it leaves (:data:`SOON`): else it would
    have begun one more step, and the GPUs of that one would wait for it.
    """
    worth = assignment.steps
    if steps > worth:
        for at, others, other in leaving:
            ends = (at - begins) / seconds
            if ends < steps and other is not assignment:
                before = int(ends + EPSILON)
                if ends - before <= SOON and before * seconds > ends * seconds - others:
                    steps = min(steps, max(worth, before))
    return assignment if steps == worth else Assignment(assignment.jobs, assignment.group, steps)


def _begins(round_: Round, job: Job, group: Group) -> float:
    """When a job can begin on a block: after its own step and those of others in progress there, and when it has moved."""
    begins = job.ready if job.ready > round_.now else round_.now
    if job.running and job.group is group:
        return begins
    gpus = group.gpus
    return max(begins, *round_.free_at[gpus[0] : gpus[-1] + 1]) + round_.move_seconds(job, group)


def steps_in_hand(job: Job, begins: float, seconds: float, wanted: float) -> int:
    """Return the steps of ``seconds`` each that a job may run before, with a drift, ``wanted`` seconds per step are too many.

    That is, until it could not be on time if the rest took ``wanted`` seconds per step.
    """
    spare = job.due - begins + EPSILON - job.steps_left * wanted
    lost = (1.0 + DRIFT) * seconds - wanted
    if spare < 0:
        return 0
    return job.steps_left if lost * job.steps_left <= spare else int(spare / lost)


def steps_until_cheaper(costs: ShapeCosts, job: Job, begins: float, seconds: float, degree: int) -> int:
    """Return the steps of ``seconds`` each after which fewer GPUs than ``degree`` are enough for a job, and cost less."""
    spare = job.due - begins + EPSILON
    steps = job.steps_left
    for fewer, slower in zip(costs.degrees, costs.seconds, strict=True):
        if fewer < degree and fewer * slower < degree * costs.step_time[degree] and slower > seconds:
            steps = min(steps, max(1, math.ceil((job.steps_left * slower - spare) / (slower - seconds) - EPSILON)))
    return steps
