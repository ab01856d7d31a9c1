"""What an objective says of programs that only know whether a job is on time, and how many GPU-seconds it uses.

Such a program takes objectives of one form: a reward for each job that is on time, less a price per GPU-second, plus
the least share of jobs on time over classes of them. Whether an objective has that form is found by asking it: it
scores made-up outcomes of every job, and the form must explain them all.

How late a job is that is given up, the program does not know. It is scored as if it started over when it is due and ran
at its fastest: late by its steps left at their fastest. So tardiness becomes a fixed price of giving a job up, and what
is proven is the least sum of these prices, not of the lateness of a schedule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from planner.job import Job
from planner.objectives.protocol import Objective, ObjectiveError, name_of, rewards_of
from planner.objectives.shares import shares_of
from planner.objectives.shipped import GpuSeconds, OnTime, Survivors
from planner.outcomes import Floats, Ints, Outcomes
from planner.round import Round

_TOLERANCE = 1e-9
_PLAIN = (OnTime, Survivors)


@dataclass(frozen=True, slots=True)
class Worth:
    """A reward for each job that is on time, shape (jobs,), and a price per GPU-second, at least 0.

    With a least share: the class of each job, shape (jobs,), and what a share of one is worth.
    """

    weights: Floats
    price: float
    classes: Ints | None = None
    share: float = 0.0


def worth_of(round_: Round, jobs: Sequence[Job], objective: Objective) -> Worth:
    """Read the rewards and the price off an objective.

    Raises
    ------
    ObjectiveError
        If it has another form; the message lists what is possible.
    """
    if isinstance(objective, _PLAIN):
        plain = isinstance(objective, Survivors)
        return Worth(np.array([1.0 if plain else job.request.weight for job in jobs]), 0.0)
    if isinstance(objective, GpuSeconds):
        return Worth(np.zeros(len(jobs)), 1.0)
    if not jobs:
        return Worth(np.zeros(0), 0.0)
    outcomes = _probes(round_, jobs)
    rewards = rewards_of(objective, outcomes).reshape(len(jobs), _ROWS)
    seconds = outcomes.gpu_seconds.reshape(len(jobs), _ROWS)
    late, on_time = rewards[:, :1], rewards[:, 2:3]
    price = float(-(rewards[0, 4] - rewards[0, 2]) / (seconds[0, 4] - seconds[0, 2]))
    base = np.where(outcomes.survives.reshape(len(jobs), _ROWS), on_time + price * seconds[:, 2:3], late)
    explained = base - price * seconds
    scale = max(1.0, float(np.abs(rewards).max()))
    weights = (on_time + price * seconds[:, 2:3] - late)[:, 0]
    if np.abs(explained - rewards).max() > _TOLERANCE * scale or price < -_TOLERANCE or weights.min() < -_TOLERANCE:
        raise ObjectiveError(
            f"the lookahead program cannot express objective {name_of(objective)}: it takes a reward of at least 0 "
            "for each job that is on time, less a price per GPU-second, and nothing that depends on slack, steps "
            "done, moves or waiting; Survivors, OnTime, Fairness, Tardiness (of jobs given up), LeastShare, "
            "GpuSeconds and Weighted sums of them have that form"
        )
    weights, price = np.maximum(weights, 0.0), max(0.0, price)
    shares = shares_of(objective, outcomes)
    if shares is None:
        return Worth(weights, price)
    classes = np.asarray(shares.classes).reshape(len(jobs), _ROWS)
    if not np.array_equal(shares.served, outcomes.survives) or (classes != classes[:, :1]).any():
        raise ObjectiveError(
            f"the lookahead program cannot express the shares of {name_of(objective)}: it counts jobs on time in classes "
            "that depend on the job alone, as LeastShare does"
        )
    return Worth(weights, price, classes[:, 0], shares.weight)


def refuse_reversed(round_: Round, objective: Objective) -> None:
    """Refuse an objective under which a job is worth less on time than late, all else equal.

    Raises
    ------
    ObjectiveError
        With the objective's name and the request.
    """
    if isinstance(objective, (*_PLAIN, GpuSeconds)) or not round_.jobs:
        return
    outcomes = _probes(round_, round_.jobs)
    rewards = rewards_of(objective, replace(outcomes, gpu_seconds=np.zeros(len(outcomes)))).reshape(-1, _ROWS)
    loss = rewards[:, _IN_VAIN] - rewards[:, _ON_TIME]
    worst = int(np.argmax(loss))
    if loss[worst] > _TOLERANCE * max(1.0, float(np.abs(rewards).max())):
        raise ObjectiveError(
            f"objective {name_of(objective)} gives request {round_.jobs[worst].id} {rewards[worst, _ON_TIME]:g} on time "
            f"and {rewards[worst, _IN_VAIN]:g} late; a program needs a reward for being on time of at least 0"
        )


_ROWS = 7
_ON_TIME, _IN_VAIN = 2, 6


def _probes(round_: Round, jobs: Sequence[Job]) -> Outcomes:
    """Seven outcomes of each job: waits and is late, twice; is on time four ways; runs in vain."""
    count = len(jobs)
    degree = np.tile([0, 0, 1, 2, 1, 4, 1], count)
    survives = np.tile([False, False, True, True, True, True, False], count)
    lateness = np.tile([1.0, 1.0, -2.0, -1.0, -2.0, -3.0, 1.0], count)
    work = np.array([job.steps_left * round_.costs.of(job.request.shape).fastest for job in jobs])
    lateness = np.where(survives, lateness, np.repeat(work, _ROWS))
    gpu_seconds = np.tile([0.0, 0.0, 1.0, 1.0, 3.0, 4.0, 2.0], count)
    left = np.repeat([job.steps_left for job in jobs], _ROWS)
    steps = np.where(degree > 0, np.where(survives, left, np.minimum(left, 1)), 0)

    def per_job(values: Sequence[float]) -> Floats:
        return np.repeat(np.array(values, dtype=np.float64), _ROWS)

    return Outcomes(
        job=np.repeat([job.request.id for job in jobs], _ROWS),
        degree=degree,
        steps=steps,
        steps_left=left - steps,
        gpu_seconds=gpu_seconds,
        fastest_step=per_job([round_.costs.of(job.request.shape).fastest for job in jobs]),
        lateness=lateness,
        survives=survives,
        finishes=survives & (degree > 0),
        moved=np.tile([False, False, False, True, False, True, False], count),
        weight=per_job([job.request.weight for job in jobs]),
        waited=per_job([round_.now - job.request.arrival for job in jobs]),
        due_in=per_job([job.due - round_.now for job in jobs]),
        pixels=np.repeat([job.request.shape.pixels for job in jobs], _ROWS),
    )
