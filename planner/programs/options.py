"""What a job can do in a round: its options, and what each of them leads to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.capacity import begins, moving_seconds, steps_within
from planner.cluster import Group
from planner.job import Job
from planner.outcomes import Floats, Ints, Outcomes
from planner.programs.offers import concave
from planner.round import EPSILON, Round
from planner.timely import steps_in_time


@dataclass(frozen=True, slots=True)
class Option:
    """A job (by position in the round) on a number of GPUs, or on one group, for some steps; degree 0 waits.

    ``mates`` are the other jobs of its batch, and ``ready`` is when all can begin, after what a move costs; 0 where that
    is when the job is ready.
    """

    job: int
    degree: int
    steps: int
    seconds: float
    group: Group | None
    mates: tuple[int, ...] = ()
    ready: float = 0.0

    @property
    def members(self) -> tuple[int, ...]:
        """All jobs that it covers."""
        return (self.job, *self.mates)


def options_of(round_: Round, free: int | None) -> list[Option]:
    """All options, job by job, waiting first; per degree when ``free`` is None, per group inside ``free`` otherwise.

    Degrees and groups on which the first step costs the deadline are no options (:mod:`planner.timely`).
    """
    options: list[Option] = []
    for index, job in enumerate(round_.jobs):
        options.append(Option(index, 0, 0, 0.0, None))
        costs = round_.costs.of(job.request.shape)
        if free is None:
            for degree, seconds in zip(costs.degrees, costs.seconds, strict=True):
                moving = moving_seconds(round_, (job,), degree)
                steps = _steps(round_, job, seconds, moving)
                if steps:
                    ready = begins(round_, (job,), moving) if moving else 0.0
                    options.append(Option(index, degree, steps, seconds, None, ready=ready))
        else:
            for group in round_.cluster.all_groups:
                if group.mask & free == group.mask and group.mask in costs.by_mask:
                    seconds = costs.by_mask[group.mask]
                    moving = round_.move_seconds(job, group)
                    steps = _steps(round_, job, seconds, moving)
                    if steps:
                        ready = begins(round_, (job,), moving) if moving else 0.0
                        options.append(Option(index, group.degree, steps, seconds, group, ready=ready))
    return options


def _steps(round_: Round, job: Job, seconds: float, moving: float) -> int:
    """Return the steps of an option: as many as fit the round, and do not cost the deadline."""
    steps = steps_within(round_, seconds, job.steps_left)
    return steps_in_time(round_, job, seconds, steps, moving) if steps else 0


def outcomes_of(round_: Round, options: Sequence[Option]) -> Outcomes:
    """What the options lead to, at the end of the round."""
    jobs = round_.jobs
    index = np.array([option.job for option in options], dtype=np.int64)
    degree = np.array([option.degree for option in options], dtype=np.int64)
    steps = np.array([option.steps for option in options], dtype=np.int64)
    seconds = np.array([option.seconds for option in options], dtype=np.float64)

    def per_job(values: Sequence[float]) -> Floats:
        return np.array(values, dtype=np.float64)[index]

    fastest = per_job([round_.costs.of(job.request.shape).fastest for job in jobs])
    due = per_job([job.due for job in jobs])
    ready = np.maximum(per_job([job.ready for job in jobs]), round_.now)
    ready = np.maximum(ready, np.array([option.ready for option in options]))
    size = np.array([1 + len(option.mates) for option in options], dtype=np.int64)
    left = np.array([job.steps_left for job in jobs], dtype=np.int64)[index] - steps
    horizon = round_.now + round_.cadence.tau
    stops = ready + steps * seconds
    begins = horizon if round_.cadence.kind == "rounds" else np.maximum(horizon, stops)
    ends = np.where(left == 0, stops, begins)
    lateness = ends + left * fastest - due
    return Outcomes(
        job=np.array([job.request.id for job in jobs], dtype=np.int64)[index],
        degree=degree,
        steps=steps,
        steps_left=left,
        gpu_seconds=degree * steps * seconds / size
        + _ahead(round_, index, left, due - ends)
        + per_job([job.decode for job in jobs]),
        fastest_step=fastest,
        lateness=lateness,
        survives=lateness <= EPSILON,
        finishes=(left == 0) & (degree > 0),
        moved=np.array([_moved(jobs[option.job], option) for option in options], dtype=np.bool_),
        weight=per_job([job.request.weight for job in jobs]),
        waited=round_.now - per_job([job.request.arrival for job in jobs]),
        due_in=due - round_.now,
        pixels=np.array([job.request.shape.pixels for job in jobs], dtype=np.int64)[index],
    )


def _moved(job: Job, option: Option) -> bool:
    """Whether a job leaves its GPUs: for others, or to wait. Options per degree say nothing about it."""
    if job.group is None or (option.degree and option.group is None):
        return False
    return option.group is None or option.group.mask != job.group.mask


def _ahead(round_: Round, index: Ints, left: Ints, seconds: Floats) -> Floats:
    """Return the least GPU-seconds of the steps left after each option: in time where that can be, else at all.

    Parameters
    ----------
    round_
        The instance.
    index, left, seconds
        Of each option: position of its job, steps left, and seconds from its end until the job is due.
    """
    per_step = np.divide(seconds, left, out=np.full(len(left), np.inf), where=left > 0)
    ahead = np.zeros(len(left))
    shapes = np.array([job.request.shape.label for job in round_.jobs])[index]
    for shape in {job.request.shape for job in round_.jobs}:
        rows = shapes == shape.label
        costs = round_.costs.of(shape)
        fit = [at for at in zip(costs.degrees, costs.seconds, strict=True) if steps_within(round_, at[1], 1)]
        usable = fit or list(zip(costs.degrees, costs.seconds, strict=True))  # what fits no round runs alone
        degrees, times = concave(tuple(d for d, _ in usable), tuple(t for _, t in usable))
        prices = [degree * time for degree, time in zip(degrees, times, strict=True)]
        dearer = np.interp(per_step[rows], times[::-1], prices[::-1])
        in_time = per_step[rows] * (1.0 + EPSILON) + EPSILON >= costs.fastest
        ahead[rows] = left[rows] * np.where(in_time, dearer, min(prices))
    return ahead
