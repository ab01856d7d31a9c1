"""Several plans of one round, each carried out to the end by the rule that made it: the one that serves most is taken.

Promises of durations and of counted GPUs are not kept to the letter where groups lie side by side: a job waits for the
step in progress of another, or is moved. Here plans are carried out on the GPUs themselves (:mod:`planner.follow_up`),
without new arrivals. So a plan is as good as that of *earliest deadline first*, as far as the profile knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from planner.follow_up import to_the_end
from planner.job import Job
from planner.plan import Assignment
from planner.round import EPSILON, Round
from planner.solvers.moore import Moore
from planner.solvers.priority import Edf
from planner.solvers.protocol import Solver
from planner.solvers.rotation import LeastLaxity

MOST = 400
"""Jobs times those that can run at a time up to which plans are carried out; a count, so that equal rounds are equal."""
CROWDED = 1.4
"""GPU-seconds per GPU-second lately asked for from which on those who come need the room: between one, and twice as much."""
_FRESH = 0.1
"""A job that has waited longer than this share of its fastest time, and is given up all the same, is a sign of overload."""


def crowded(round_: Round, jobs: Sequence[Job]) -> bool:
    """Whether there is overload, in which what serves most of those that are there leaves least room for those who come.

    That is where more has been asked for of late than can be served, or where jobs that are given up have waited.

    Parameters
    ----------
    round_, jobs
        The instance, and the jobs that are given up.
    """
    return round_.demand > CROWDED or any(
        job.steps_left == job.request.steps
        and round_.now - job.request.arrival > _FRESH * job.steps_left * round_.costs.of(job.request.shape).fastest
        for job in jobs
    )


def best_plan(
    round_: Round, jobs: Sequence[Job], weights: Sequence[float], own: Sequence[Assignment]
) -> Sequence[Assignment]:
    """Return the plan that serves most weight: ``own`` unless that of another rule serves more.

    Parameters
    ----------
    round_
        The instance.
    jobs, weights
        Those that can be on time, and what each is worth.
    own
        The plan of those whom Moore and Hodgson's rule admits, which goes on with it.
    """
    alone = replace(round_, jobs=tuple(jobs))
    ids = {job.id for job in jobs}
    worth = {job.id: (job.due + EPSILON, weight) for job, weight in zip(jobs, weights, strict=True)}
    rules: tuple[Solver, ...] = (Moore(late="never"), Edf(late="never", lasting=False), LeastLaxity())
    best, most = own, -1.0
    for rule in rules:
        plan = own if most < 0 else rule.solve(alone, 0.0).assignments
        done, _ = to_the_end(alone, [a for a in plan if ids.issuperset(a.jobs)], rule)
        value = sum(worth[id_][1] for id_, ends in done.items() if ends <= worth[id_][0])
        if value > most + EPSILON:
            best, most = plan, value
        if most >= sum(weights) - EPSILON:
            break
    return best
