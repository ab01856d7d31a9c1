"""A list schedule of the backlog: earliest deadline first, each task on as few GPU-seconds as its deadline allows.

It is a constructive proof: if it finishes every task in time, no program needs to be solved to know that all of them
can be on time. Time is cut into phases; within one, degrees do not change. The rule of a phase: in order of deadline
each task takes the degree with the least GPU-seconds among those that finish it in time (the fastest that is left where
none does); then GPUs that are left widen the task that gains most seconds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from heapq import heappop, heappush
from typing import NamedTuple

from planner.job import Job
from planner.programs.intervals import PAUSED, Task
from planner.round import EPSILON, Round
from planner.timely import SLOW, SPARE

_DONE = 1e-7
_PHASES = 10_000


class Phase(NamedTuple):
    """A stretch of time in which tasks (by position) keep their degrees."""

    start: float
    end: float
    degrees: dict[int, int]


class ListSchedule(NamedTuple):
    """Phases in order of time, and when each task ends, shape (tasks,)."""

    phases: list[Phase]
    ends: list[float]

    def late(self, tasks: Sequence[Task]) -> list[int]:
        """Positions of the tasks that end after they are due."""
        return [i for i, task in enumerate(tasks) if self.ends[i] > task.due + EPSILON]


def tasks_of(round_: Round, jobs: Sequence[Job], weights: Sequence[float]) -> list[Task]:
    """Return jobs as tasks: released when the step in progress ends, or, of one that waits, when the first GPU is free."""
    first = max(round_.now, min(round_.free_at))
    tasks = []
    for job, weight in zip(jobs, weights, strict=True):
        costs = round_.costs.of(job.request.shape)
        release = max(job.ready, round_.now if job.running else first)
        held = job.group.degree if job.running and job.group is not None else PAUSED if job.group is not None else 0
        due, move = job.due + EPSILON, round_.regroup_seconds
        tasks.append(Task(release, due, job.steps_left, costs.degrees, costs.seconds, weight, held, move, job.decode))
    return tasks


def moved(task: Task, degree: int) -> float:
    """Return the seconds that a task loses by going on at a degree."""
    return task.move if task.held and task.held != degree else 0.0


def list_schedule(
    tasks: Sequence[Task], now: float, gpus: int, widen: bool = True, images_until: Sequence[float] = ()
) -> ListSchedule:
    """Run all tasks to completion, from ``now`` on; a task whose release is ahead may hold its GPUs until then.

    GPUs that make an image are left out meanwhile: those of ``images_until``, and one of each task that has ended, for as
    long as its image takes.
    """
    tasks, images = list(tasks), sorted(images_until)
    left = [float(task.steps) for task in tasks]
    step_time = [dict(zip(task.degrees, task.seconds, strict=True)) for task in tasks]
    ends = [now] * len(tasks)
    pending = sorted(range(len(tasks)), key=lambda i: (tasks[i].due, i))
    free = gpus - len(images)
    if widen and sum(task.degrees[-1] for task in tasks) <= free and not any(task.move for task in tasks):
        return _unhindered(tasks, pending, now)
    phases: list[Phase] = []
    while pending and len(phases) < _PHASES:
        while images and images[0] <= now + EPSILON:
            heappop(images)
        degrees = allot(tasks, left, pending, now, gpus - len(images), widen)
        end = images[0] if images else math.inf
        runs = []
        for i, degree in degrees.items():
            release, seconds = tasks[i].release, step_time[i][degree]
            begins = release if release > now else now
            if tasks[i].move and tasks[i].held != degree:
                begins += moved(tasks[i], degree)
                tasks[i] = replace(tasks[i], release=begins, held=degree)
            runs.append((i, begins, seconds))
            ended = begins + left[i] * seconds
            if ended < end:
                end = ended
        for i, begins, seconds in runs:
            if end > begins:
                left[i] -= (end - begins) / seconds
            if left[i] <= _DONE:
                ends[i] = end
                if tasks[i].decode:
                    heappush(images, end + tasks[i].decode)
        phases.append(Phase(now, end, degrees))
        pending = [i for i in pending if left[i] > _DONE]
        now = end
    return ListSchedule(phases, ends)


def _unhindered(tasks: Sequence[Task], order: Sequence[int], now: float) -> ListSchedule:
    """Run all at their fastest degree at once, where there are GPUs for that: what the phases come to."""
    ends = [max(task.release, now) + task.steps * task.seconds[-1] for task in tasks]
    running = {i: tasks[i].degrees[-1] for i in order}
    phases = []
    for i in sorted(order, key=lambda i: ends[i]):
        if ends[i] > now:
            phases.append(Phase(now, ends[i], running.copy()))
            now = ends[i]
        del running[i]
    return ListSchedule(phases, ends)


def allot(
    tasks: Sequence[Task] | Mapping[int, Task],
    left: Sequence[float] | Mapping[int, float],
    order: Sequence[int],
    now: float,
    gpus: int,
    widen: bool = True,
) -> dict[int, int]:
    """Degrees of the tasks that run now, by position.

    Parameters
    ----------
    tasks, left
        All tasks, and the steps that each still has to do.
    order
        Positions of the tasks to serve, the most urgent first.
    now, gpus
        The time, and how many GPUs there are.
    widen
        Whether GPUs that are left widen what runs.
    """
    degrees: dict[int, int] = {}
    free = gpus
    for i in order:  # the innermost loop of every plan: no calls
        task = tasks[i]
        offered, seconds, release, steps = task.degrees, task.seconds, task.release, left[i]
        if offered[0] > free:
            continue
        allowed = task.due - (now if now > release else release) + EPSILON
        best, least, at = 0, math.inf, 0
        moves = task.move and task.held
        for at, degree in enumerate(offered):
            if degree > free:
                at -= 1
                break
            step = seconds[at] + moved(task, degree) / steps if moves else seconds[at]
            cost = degree * step
            to_go = steps if degree == offered[-1] or degree == task.held else steps + SPARE
            if cost < least and to_go * step <= allowed:
                best, least = degree, cost
        if not best:
            # In time at none that is free: the largest, but for steps there that are slow or too long for a task that
            # can still be in time, as planner.timely has it.
            fastest, step = seconds[-1], seconds[at]
            slack = allowed - steps * fastest
            if slack >= 0 and (step > SLOW * fastest or slack < step - fastest):
                continue
            best = offered[at]
        degrees[i] = best
        free -= best
        if not free:
            return degrees
    if widen:
        _widen(tasks, left, degrees, free)
    return degrees


def _widen(
    tasks: Sequence[Task] | Mapping[int, Task],
    left: Sequence[float] | Mapping[int, float],
    degrees: dict[int, int],
    free: int,
) -> None:
    """Give free GPUs to what runs, one degree at a time to the task that gains most seconds, the first among equals."""
    heap: list[tuple[float, int, int, int]] = []
    order = list(degrees)
    for place, i in enumerate(order):
        offered = tasks[i].degrees
        if degrees[i] != offered[-1]:
            _offer(heap, place, tasks[i], left[i], offered.index(degrees[i]), free)
    while heap and free:
        _, place, at, extra = heappop(heap)
        if extra <= free:
            i = order[place]
            task = tasks[i]
            degrees[i] += extra
            free -= extra
            if at + 1 < len(task.degrees):
                _offer(heap, place, task, left[i], at, free)


def _offer(heap: list[tuple[float, int, int, int]], place: int, task: Task, left: float, at: int, free: int) -> None:
    """Offer the degree after the one at a position, if it gains anything and fits: what does not fit now never will."""
    extra = task.degrees[at + 1] - task.degrees[at]
    gain = left * (task.seconds[at] - task.seconds[at + 1])
    if task.move:
        gain += moved(task, task.degrees[at]) - moved(task, task.degrees[at + 1])
    if extra <= free and gain > EPSILON:
        heappush(heap, (-gain, place, at + 1, extra))
