"""No planner starts what costs its job the deadline: the one rule that all of them share.

A step cannot be interrupted. A large image on one GPU that happens to be left over may lose its deadline within a single
step of it, although a second later the fastest group would be free. So a job that can still be on time never begins a
stretch after which it could not be, even if all that is left ran at its fastest degree: it waits for more GPUs.

For the same reason a list schedule begins no slow step (:data:`SLOW`) below the degree that a job needs: it would hold little
work and keep the job from the GPUs that it waits for. And a degree below the fastest to which a job would change counts as
in time only with half a step to spare (:data:`SPARE`).

Only policies that never preempt (:mod:`planner.solvers.fixed`) do not ask: their degree is what they are.
"""

from __future__ import annotations

from planner.job import Job
from planner.round import EPSILON, Round

SLOW = 3.0
"""A step that takes more than so many times the fastest is not begun on GPUs that are merely left over by a job that can be
on time: the job could not follow when more GPUs become free, and these would wait for it."""

SPARE = 0.5
"""Steps that a degree below the fastest must leave, unless a job runs at it: who changes its GPUs waits for the steps of
others there, which a rule for degrees does not see, and at the brink of its deadline is late by a fraction of one."""


def timely_and_late(round_: Round) -> tuple[list[Job], list[Job]]:
    """Return the jobs that can be on time, and those that cannot any more (:meth:`planner.round.Round.hopeless`)."""
    timely: list[Job] = []
    late: list[Job] = []
    now, costs_of = round_.now, round_.costs.of
    for job in round_.jobs:
        start = job.ready if job.ready > now else now
        hopeless = start + job.steps_left * costs_of(job.request.shape).fastest > job.due + EPSILON
        (late if hopeless else timely).append(job)
    return timely, late


def steps_in_time(round_: Round, job: Job, seconds: float, steps: int, moving: float = 0.0) -> int:
    """Return how many of ``steps`` steps a job may begin at ``seconds`` each.

    Parameters
    ----------
    round_
        The instance.
    job
        One of its jobs.
    seconds
        Per step, on the group in question.
    steps
        How many are wanted, at least 1.
    moving
        Seconds lost before the first of them (:meth:`planner.round.Round.move_seconds`).

    Returns
    -------
    int
        All of them for a job that is late whatever is done, and where the job can be on time afterwards. Otherwise as many
        as leave it a chance, if it is decided anew when they end: with cadence ``rounds``, where nothing is decided before
        the boundary, only if they last until then, and on the grid none.
    """
    fastest = round_.costs.of(job.request.shape).fastest
    lost = seconds - fastest
    if lost <= 0 and not moving:
        return steps
    start = job.ready if job.ready > round_.now else round_.now
    slack = job.due - start - job.steps_left * fastest + EPSILON
    if slack < 0 or moving + steps * lost <= slack:
        return steps
    if moving > slack:
        return 0
    count = int((slack - moving) / lost)
    if round_.cadence.kind == "events":
        return count
    lasts = (
        not round_.cadence.grid and max(job.ready - round_.now, 0.0) + moving + count * seconds >= round_.cadence.tau
    )
    return count if lasts else 0
