"""Is a plan legal? Recomputed from the round alone, independent of every solver. Nothing reaches an engine unchecked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn

from planner.job import Job
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
    seen: set[int] = set()
    _check(round_, jobs, plan.assignments, seen)
    if plan.then:
        ending = _ending(jobs, plan.assignments)
        for assignment in plan.then:
            if assignment.group.mask & ~ending:
                _fail("after an end", assignment, "a successor's GPUs are those of jobs that run there to their end")
        _check(round_, jobs, plan.then, seen)


def _ending(jobs: Mapping[int, Job], assignments: Sequence[Assignment]) -> int:
    """Mask of the GPUs on which a job that runs there runs to its end."""
    ending = 0
    for assignment in assignments:
        first = jobs[assignment.jobs[0]]
        if first.running and assignment.steps == first.steps_left and first.group == assignment.group:
            ending |= assignment.group.mask
    return ending


def _check(round_: Round, jobs: Mapping[int, Job], assignments: Sequence[Assignment], seen: set[int]) -> None:
    """Check assignments that are in force at one time; ``seen`` grows by their jobs."""
    groups = round_.cluster.by_mask
    costs_of = round_.costs.of
    used = 0
    for assignment in assignments:
        group, ids, steps = assignment.group, assignment.jobs, assignment.steps
        mask = group.mask
        legal = groups.get(mask)
        if legal is not group and legal != group:
            _fail(
                "legal group",
                assignment,
                f"GPUs {group.gpus} on {group.link} are no group of cluster {round_.cluster.name}",
            )
        if used & mask:
            _fail("GPU once", assignment, "another assignment has one of its GPUs")
        used |= mask
        if not ids:
            _fail("known job", assignment, "it names no job")
        for id_ in ids:
            job = jobs.get(id_)
            if job is None:
                _fail("known job", assignment, f"request {id_} is not live in this round")
            if id_ in seen:
                _fail("job once", assignment, f"request {id_} is assigned twice")
            seen.add(id_)
            if type(steps) is not int or not 1 <= steps <= job.steps_left:
                _fail("steps in range", assignment, f"request {id_} has {job.steps_left} steps left")
        shape = jobs[ids[0]].request.shape
        if mask not in costs_of(shape).by_mask:
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


def _fail(rule: str, assignment: Assignment, why: str) -> NoReturn:
    raise PlanError(
        f"plan breaks the rule '{rule}': jobs {assignment.jobs} on GPUs {assignment.group.gpus} "
        f"for {assignment.steps} steps: {why}"
    )
