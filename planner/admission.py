"""Whom to serve when not all can be on time: the rule of Moore and Hodgson, on list schedules instead of one machine.

While a list schedule is late for some job, the job that costs most GPU-seconds for its weight, among those due no later
than the first late one, is given up. On one machine, with equal weights, no rule and no solver serves more jobs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from heapq import heappop, heappush
from typing import NamedTuple

from planner.allocation import needed_gpu_seconds
from planner.effort import LISTING
from planner.job import Job
from planner.programs.first_degrees import first_degrees
from planner.programs.intervals import Task
from planner.programs.lists import ListSchedule, allot, list_schedule, tasks_of
from planner.round import EPSILON, Round

WORK = 40_000
"""What the list schedules of one decision may cost together, as the sum of jobs times jobs that can run at a time."""


class Accepted(NamedTuple):
    """Jobs that a list schedule finishes in time, in the order given, and the degrees of those that it runs first."""

    jobs: list[Job]
    degrees: dict[int, int]
    """By request id."""


def admit(
    round_: Round, jobs: Sequence[Job], weights: Sequence[float] | None = None, budget: float = math.inf
) -> Accepted:
    """Choose among jobs that can be on time alone.

    Parameters
    ----------
    round_, jobs
        The instance, and those of its jobs.
    weights
        What each is worth on time, positive; by default its request's weight.
    budget
        Seconds of work (:mod:`planner.effort`) for list schedules.

    Where there are so many that few list schedules can be made (:data:`WORK`, or the budget; a count, so that equal rounds
    have equal answers), more are given up after each, and where not one can be made, the sum of GPU-seconds decides alone.
    """
    kept, tasks, burdens, schedule = _choose(round_, jobs, weights, budget)
    accepted = [jobs[i] for i in kept]
    if schedule is None:
        order = sorted(range(len(kept)), key=lambda at: (burdens[kept[at]], at))
        left, gpus = [float(task.steps) for task in tasks], round_.cluster.gpus - len(round_.decoding)
        first: Mapping[int, int] = allot(tasks, left, order, round_.now, gpus)
    else:
        listed = schedule.phases[0].degrees if schedule.phases else {}
        first = first_degrees(round_, accepted, tasks, listed, everybody=len(kept) == len(jobs))
    return Accepted(accepted, {accepted[at].id: degree for at, degree in first.items()})


def admitted(round_: Round, jobs: Sequence[Job]) -> set[int]:
    """Return the requests of those whom :func:`admit` chooses."""
    return {jobs[i].id for i in _choose(round_, jobs, None, math.inf)[0]}


def _choose(
    round_: Round, jobs: Sequence[Job], weights: Sequence[float] | None, budget: float
) -> tuple[list[int], list[Task], list[float], ListSchedule | None]:
    """Return positions of the chosen, their tasks, the burdens of all, and their list schedule where one was made."""
    worth = [job.request.weight for job in jobs] if weights is None else weights
    tasks = tasks_of(round_, jobs, worth)
    needs = [needed_gpu_seconds(round_, job) for job in jobs]
    burdens = [needed / task.weight for needed, task in zip(needs, tasks, strict=True)]
    now, gpus = round_.now, round_.cluster.gpus
    kept = _within_capacity(tasks, needs, burdens, now, gpus)
    lists = int(min(WORK, budget / LISTING)) // max(1, len(kept) * min(len(kept), gpus))
    mine = [tasks[i] for i in kept]
    schedule: ListSchedule | None = None
    while lists:
        schedule = list_schedule(mine, now, gpus, images_until=round_.images_until)
        lists -= 1
        late = sorted(schedule.late(mine), key=lambda at: (mine[at].due, at))
        if not late or not lists:
            break
        for due in [mine[at].due for at in late[: -(-len(late) // lists)]]:
            kept.remove(max((i for i in kept if tasks[i].due <= due), key=lambda i: (burdens[i], i)))
        mine = [tasks[i] for i in kept]
    return kept, mine, burdens, schedule


def _within_capacity(
    tasks: Sequence[Task], needs: Sequence[float], burdens: Sequence[float], now: float, gpus: int
) -> list[int]:
    """Positions of tasks whose GPU-seconds fit in front of every deadline: the rule on one machine of all GPUs."""
    kept = set(range(len(tasks)))
    dearest: list[tuple[float, int]] = []
    total = 0.0
    for i in sorted(kept, key=lambda i: (tasks[i].due + tasks[i].decode, i)):
        total += needs[i]
        heappush(dearest, (-burdens[i], i))
        while total > gpus * (tasks[i].due + tasks[i].decode - now + EPSILON):
            gone = heappop(dearest)[1]
            total -= needs[gone]
            kept.discard(gone)
    return sorted(kept)
