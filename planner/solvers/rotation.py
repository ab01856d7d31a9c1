"""Least laxity first: when more jobs want groups than there are, they take turns before the wait of any is used up."""

from __future__ import annotations

import math
from dataclasses import dataclass

from planner.allocation import degrees_in_time
from planner.capacity import segment_steps
from planner.elastic import scale_up
from planner.idle import mask_of
from planner.job import Job
from planner.placement import Choice, place
from planner.plan import Plan, no_claim
from planner.round import EPSILON, Round
from planner.solvers.priority import Room
from planner.timely import SLOW

_BONUS = 0.15
"""Seconds by which a job that runs counts as more urgent, so that not every step is a turn."""


@dataclass(frozen=True)
class LeastLaxity:
    """The least seconds to lose first, each on as few GPU-seconds as its deadline allows; late jobs get nothing.

    A segment ends when a job that waits becomes as urgent as the least urgent that runs: the yield brings the next decision,
    and the turn, without a timer. What can be on time together only in turns, no order of priority serves.
    """

    name: str = "least-laxity"
    preemptive: bool = True

    def solve(self, round_: Round, budget: float) -> Plan:
        """Plan a round."""
        round_ = round_.off_grid
        room = Room(round_)
        slack = {job.id: round_.slack(job) + EPSILON for job in round_.jobs}
        jobs = [job for job in round_.jobs if slack[job.id] >= 0]
        choices: list[Choice] = []
        bonus = _bonus(round_)
        for job in sorted(jobs, key=lambda job: (slack[job.id] - bonus * job.running, job.id)):
            room.take(job, _degrees(round_, job), choices)
        chosen = {choice.job.id for choice in choices}
        waiting = min((slack[job.id] for job in jobs if job.id not in chosen), default=math.inf)
        longest = max((slack[id_] for id_ in chosen), default=0.0)
        turns = [_until(round_, choice, slack[choice.job.id], longest, waiting) for choice in choices]
        placed = place(round_, turns, room.free)
        placed = scale_up(round_, placed, room.free & ~mask_of(placed))
        return Plan(tuple(placed), no_claim(self.name))


def _degrees(round_: Round, job: Job) -> list[int]:
    """Degrees that make the deadline, the fewest GPU-seconds first, then the fastest whose steps are not slow."""
    costs = round_.costs.of(job.request.shape)
    making = degrees_in_time(round_, job)
    rest = [d for d in reversed(costs.degrees) if d not in making and costs.step_time[d] <= SLOW * costs.fastest]
    return [*making, *rest]


def _bonus(round_: Round) -> float:
    """Return by how many seconds a job that runs counts as more urgent: a turn costs a move at the most."""
    return _BONUS + round_.regroup_seconds


def _until(round_: Round, choice: Choice, own: float, longest: float, waiting: float) -> Choice:
    """Let the job with most seconds to lose run until one that waits has as few."""
    seconds = round_.costs.of(choice.job.request.shape).step_time[choice.degree]
    steps = segment_steps(round_, seconds, choice.job.steps_left)
    if own >= longest - EPSILON and waiting < math.inf:
        steps = min(steps, max(1, math.ceil((waiting - longest + _bonus(round_)) / seconds)))
    return choice._replace(steps=min(steps, choice.steps))
