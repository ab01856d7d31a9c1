"""Is a plan legal? Recomputed from the round alone, independent of every solver. Nothing reaches an engine unchecked."""

from __future__ import annotations

from planner.plan import Assignment, Plan
from planner.round import Round


class PlanError(ValueError):
    """A plan breaks a rule; the message names the rule and the assignment."""


def check_plan(round_: Round, plan: Plan) -> None:
    """Raise unless every assignment is legal and no two share a GPU or a job.

    Raises
    ------
    PlanError
        Rules: *known job*, *job once*, *legal group*, *GPU once*, *known step time*, *steps in range*, *identical
        batch*, *after an end*.
    """
    jobs = {job.request.id: job for job in round_.jobs}
    groups = round_.cluster.by_mask
    costs = round_.costs
    used = 0
    seen: set[int] = set()
    ending = 0
    for at, assignment in enumerate(plan.assignments + plan.then):
        if at == len(plan.assignments):
            used = 0
        if at >= len(plan.assignments) and assignment.group.mask & ~ending:
            _fail("after an end", assignment, "a successor's GPUs are those of jobs that run there to their end")
        group = assignment.group
        ids = assignment.jobs
        legal = groups.get(group.mask)
        if legal is not group and legal != group:
            _fail(
                "legal group",
                assignment,
                f"GPUs {group.gpus} on {group.link} are no group of cluster {round_.cluster.name}",
            )
        if used & group.mask:
            _fail("GPU once", assignment, "another assignment has one of its GPUs")
        used |= group.mask
        if not ids:
            _fail("known job", assignment, "it names no job")
        for id_ in ids:
            if id_ not in jobs:
                _fail("known job", assignment, f"request {id_} is not live in this round")
            if id_ in seen:
                _fail("job once", assignment, f"request {id_} is assigned twice")
            seen.add(id_)
            if type(assignment.steps) is not int or not 1 <= assignment.steps <= jobs[id_].steps_left:
                _fail("steps in range", assignment, f"request {id_} has {jobs[id_].steps_left} steps left")
        first = jobs[ids[0]]
        if first.running and first.group == group and assignment.steps == first.steps_left:
            ending |= group.mask
        shape = first.request.shape
        if group.mask not in costs.of(shape).by_mask:
            _fail(
                "known step time",
                assignment,
                f"the profile has no time for {shape.label} at degree {group.degree} on {group.link}",
            )
        if len(ids) > 1:
            if any(jobs[id_].request.shape != shape for id_ in ids):
                _fail("identical batch", assignment, "its jobs differ in shape")
            if not round_.profile.has(shape, group.degree, group.link, len(ids)):
                _fail(
                    "known step time", assignment, f"the profile has no time for a batch of {len(ids)} at {shape.label}"
                )


def _fail(rule: str, assignment: Assignment, why: str) -> None:
    raise PlanError(
        f"plan breaks the rule '{rule}': jobs {assignment.jobs} on GPUs {assignment.group.gpus} "
        f"for {assignment.steps} steps: {why}"
    )
