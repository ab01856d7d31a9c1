"""No planner starts what costs its job the deadline: the one rule that all of them share.

A step cannot be interrupted. A large image on one GPU that happens to be left over may lose its deadline within a single
step of it, although a second later the fastest group would be free. So a job that can still be on time never begins a
stretch after which it could not be, even if all that is left ran at its fastest degree: it waits for more GPUs.

Only policies that never preempt (:mod:`planner.solvers.fixed`) do not ask: their degree is what they are.
"""

from __future__ import annotations

from planner.job import Job
from planner.round import EPSILON, Round


def steps_in_time(round_: Round, job: Job, seconds: float, steps: int) -> int:
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

    Returns
    -------
    int
        All of them for a job that is late whatever is done, and where the job can be on time afterwards. Otherwise, with
        cadence ``events``, as many as leave it a chance, since it is decided anew when it yields; with ``rounds``, where
        nothing is decided before the boundary, none.
    """
    fastest = round_.costs.of(job.request.shape).fastest
    lost = seconds - fastest
    if lost <= 0:
        return steps
    slack = round_.slack(job) + EPSILON
    if slack < 0 or steps * lost <= slack:
        return steps
    return int(slack / lost) if round_.cadence.kind == "events" else 0
