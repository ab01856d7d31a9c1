"""Who serves requests that can no longer be on time, and on what: nothing is promised to them, but each is delivered.

Two things are at stake. A step cannot be interrupted, so one of a late job keeps GPUs from a request that arrives
meanwhile: what a late job costs the others is the length of its step, not its GPU-seconds. And under overload most jobs
are late, so that what they cost is what the cluster costs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, get_args

from planner.capacity import latest_start, moving_seconds, segment_steps
from planner.elastic import scale_up
from planner.errors import ParameterError
from planner.idle import mask_of, use_idle
from planner.job import Job
from planner.placement import Choice, place
from planner.plan import Assignment
from planner.round import Round

LateRule = Literal["brief", "idle", "quiet", "never"]
"""What late jobs get.

``brief``: GPUs that no job on time has, each late job as few GPU-seconds as short steps allow, the earliest deadline
first. How long a step may be grows with the late work that waits (:data:`PATIENCE`): a single late job takes its fastest
steps and is hardly in anyone's way; a backlog is served cheaply. ``quiet``: all GPUs for one after the other, each at its
fastest, but only while no job that can be on time is there. ``idle``: one GPU each of those that nobody else uses, in order
of arrival, then more where that leaves some idle (the paper's best effort). ``never``: nothing, which never ends unless late
jobs are dropped.
"""
LATE_RULES: tuple[str, ...] = get_args(LateRule)

PATIENCE = 0.01
"""Longest step of a late job under ``brief``, as a share of the time in which all GPUs together would serve every late
job at its least GPU-seconds; its fastest step is always short enough."""


def serve_late(
    round_: Round,
    placed: list[Assignment],
    late: Sequence[Job],
    free: int,
    rule: LateRule,
    timely: bool,
    elastic: bool = True,
    preserve: bool = True,
    thrifty: bool = False,
) -> list[Assignment]:
    """Add assignments of late jobs by a rule, and widen what is placed into GPUs that are still idle.

    Parameters
    ----------
    round_
        The instance.
    placed
        Assignments of jobs that can be on time.
    late
        Jobs that cannot be on time any more. On the grid of ``rounds``, one whose step lasts on is left where it is.
    free
        Mask of the GPUs that the plan may use, those of ``placed`` among them.
    rule
        Which.
    timely
        Whether any live job can still be on time.
    elastic
        Whether to widen.
    preserve
        Whether late jobs keep their GPUs where possible.
    thrifty
        Whether GPU-seconds have a price: late jobs then take their least GPU-seconds, under any rule when the rule would
        serve them, and nothing is widened.
    """
    if round_.cadence.on_grid:
        late = [job for job in late if job.ready <= latest_start(round_)]
    if thrifty:
        if rule in ("brief", "idle") or (rule == "quiet" and not placed and not timely):
            placed = [*placed, *_brief(round_, late, free & ~mask_of(placed), math.inf, preserve)]
    elif rule == "idle":
        return use_idle(round_, placed, late, free, elastic, preserve)
    elif rule == "brief":
        longest = PATIENCE * sum(round_.least_gpu_seconds(job) for job in late) / round_.cluster.gpus
        placed = [*placed, *_brief(round_, late, free & ~mask_of(placed), longest, preserve, widens=elastic)]
    if elastic and not thrifty:
        placed = scale_up(round_, placed, free & ~mask_of(placed))
    if not late or rule == "never" or placed or timely:
        return placed
    return _undisturbed(round_, late, free, preserve)


def check_late_rule(rule: str) -> None:
    """Refuse what is no rule.

    Raises
    ------
    ParameterError
        With the value and the rules that there are.
    """
    if rule not in LATE_RULES:
        raise ParameterError("late", rule, f"use {', '.join(LATE_RULES)}")


def _undisturbed(round_: Round, late: Sequence[Job], free: int, preserve: bool) -> list[Assignment]:
    """All GPUs for those that are done first, each at its fastest: where one takes fewer than all, others run beside it."""
    left = free.bit_count()
    choices: list[Choice] = []
    for job in sorted(
        late, key=lambda job: (job.steps_left * round_.costs.of(job.request.shape).fastest, job.request.id)
    ):
        shape = round_.costs.of(job.request.shape)
        fitting = [(d, t) for d, t in zip(shape.degrees, shape.seconds, strict=True) if d <= left]
        if fitting:
            degree, seconds = min(fitting, key=lambda at: (_ends_after(round_, job, *at), -at[0]))
            choices.append(Choice(job, degree, max(1, segment_steps(round_, seconds, job.steps_left))))
            left -= degree
    return place(round_, choices, free, preserve)


def _ends_after(round_: Round, job: Job, degree: int, seconds: float) -> float:
    """Return the seconds that the steps left of a job take at a degree, with those of a move where it had another."""
    return moving_seconds(round_, (job,), degree) + job.steps_left * seconds


def _brief(
    round_: Round, late: Sequence[Job], free: int, longest: float, preserve: bool, widens: bool = False
) -> list[Assignment]:
    """Idle GPUs for as many as fit, on the fewest GPU-seconds whose steps take at most ``longest``, or are the fastest.

    What a move costs is part of a first step: GPUs are taken from others for as long.

    What is left widens them: jobs that stopped side by side, where nobody fits beside them, move apart.
    """
    left = free.bit_count()
    choices: list[Choice] = []
    for job in sorted(late, key=lambda job: (job.due, job.request.id)):
        if not left:
            break
        costs = round_.costs.of(job.request.shape)
        taken = {d: moving_seconds(round_, (job,), d) + t for d, t in costs.step_time.items()}
        longer = max(longest, min(taken.values()))
        short = [(d, t) for d, t in costs.step_time.items() if d <= left and taken[d] <= longer]
        fitting = [(d, t) for d, t in short if segment_steps(round_, t, job.steps_left)]
        degree, seconds = min(fitting, key=lambda at: (at[0] * _ends_after(round_, job, *at), at[0]), default=(0, 0.0))
        if degree:
            choices.append(Choice(job, degree, segment_steps(round_, seconds, job.steps_left)))
            left -= degree
    placed = place(round_, choices, free, preserve)
    if widens and left and len(choices) < len(late):
        own = scale_up(round_, placed, free & ~mask_of(placed))
        apart = place(round_, [_wider(round_, choice, left // len(choices)) for choice in choices], free, preserve)
        if len(apart) == len(own) and mask_of(apart).bit_count() > mask_of(own).bit_count():
            return apart
    return placed


def _wider(round_: Round, choice: Choice, more: int) -> Choice:
    """Return a choice at its fastest degree with at most so many GPUs more."""
    costs = round_.costs.of(choice.job.request.shape)
    degree = max((d for d in costs.degrees if choice.degree < d <= choice.degree + more), default=choice.degree)
    return choice._replace(
        degree=degree, steps=segment_steps(round_, costs.step_time[degree], choice.job.steps_left) or choice.steps
    )
