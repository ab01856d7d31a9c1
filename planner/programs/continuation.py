"""A real schedule that begins with a plan: what the value of a lookahead plan means.

The program's durations are not a schedule: they say neither what runs beside what nor where a step ends. So a plan is
worth what this schedule serves. It counts GPUs (which ones, it does not say), runs whole steps, begins a step only when
its GPUs are free, and counts the seconds of a move where a job changes its degree, and those of a GPU for each image:

1. The plan runs as it is, until the first of its assignments ends (with cadence ``rounds``: to the end of the round).
   A step in progress then is finished.
2. From there on a list schedule (:mod:`planner.programs.lists`) runs the requests to be served, the earliest deadline
   first, each on as few GPU-seconds as its deadline allows; one that cannot be on time any more is given up. Whenever one
   of them ends (a sixty-fourth of them, where there are many; an eighth in a large backlog) degrees are chosen anew. With
   a price per GPU-second, idle GPUs widen nothing.
3. Requests that it does not serve on time are left out and it is made again, until it serves all that it is made of (in a
   large backlog once): these are *promised*.
4. Every other live request, the late ones too, is delivered after that on its least GPU-seconds.

The value is the reward of the promised requests, plus what their least share is worth, less the price of the GPU-seconds
of all live requests. Every such schedule is a point of the program, so the program's bound holds for it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from planner.capacity import moving_seconds
from planner.effort import JUDGING
from planner.plan import Assignment
from planner.programs.intervals import Task
from planner.programs.lists import allot, moved
from planner.round import EPSILON, Round

_AT_ONCE, _AT_ONCE_IN_LARGE = 64, 8
_LARGE = 4_000
"""Jobs times those that can run at a time above which a backlog is large: what a schedule costs goes with it."""
_SCHEDULES = 5
"""Schedules that a decision makes where the backlog is not large, often enough."""


def largest(budget: float) -> float:
    """Return jobs times those that can run at a time above which a backlog is large for a budget of judging, in seconds."""
    return min(float(_LARGE), budget / (_SCHEDULES * JUDGING))


def large(round_: Round, count: int, most: float) -> bool:
    """Whether schedules of so many jobs are to be few and coarse; a count decides, so that equal rounds are equal."""
    return count * min(count, round_.cluster.gpus) > most


@dataclass(frozen=True, slots=True)
class Continuation:
    """What a schedule serves, and what it uses.

    Parameters
    ----------
    promised
        Positions of the tasks on time, ascending.
    gpu_seconds
        Of all live jobs until each is delivered; 0 where they have no price.
    """

    promised: tuple[int, ...]
    gpu_seconds: float


@dataclass(frozen=True, slots=True)
class _Progress:
    """What is left of each task, since when its GPUs are free, how many it holds, and at which degree it ran last."""

    left: list[int]
    ready: list[float]
    degree: list[int]
    last: list[int]


def continue_plan(
    round_: Round,
    tasks: Sequence[Task],
    ids: Sequence[int],
    assignments: Sequence[Assignment],
    wanted: Collection[int],
    priced: bool,
    coarse: bool,
) -> Continuation:
    """Return the schedule that begins with assignments.

    Parameters
    ----------
    round_
        The instance.
    tasks, ids
        The jobs that can be on time, and the request of each.
    assignments
        The plan.
    wanted
        Positions of the tasks that should be served.
    priced
        Whether GPU-seconds have a price: they are counted then, and idle GPUs widen nothing.
    coarse
        Whether it is made as in a large backlog (:func:`large`): in few steps, and once, of all that is wanted.
    """
    wanted = set(wanted)
    while True:
        served, spent = _run(round_, tasks, ids, assignments, wanted, priced, coarse)
        if served == wanted or coarse:
            return Continuation(tuple(sorted(served)), spent)
        wanted = served


def _run(
    round_: Round,
    tasks: Sequence[Task],
    ids: Sequence[int],
    assignments: Sequence[Assignment],
    wanted: set[int],
    priced: bool,
    coarse: bool,
) -> tuple[set[int], float]:
    """Return which of the wanted tasks are on time, and all GPU-seconds if they have a price."""
    done = _Progress([t.steps for t in tasks], [t.release for t in tasks], [0] * len(tasks), [t.held for t in tasks])
    left, ready, degree = done.left, done.ready, done.degree
    at = {id_: i for i, id_ in enumerate(ids) if i in wanted}
    pool, images, now, spent = _begin(round_, at, assignments, done, priced)
    due = [task.due for task in tasks]
    served = {i for i in wanted if not left[i] and ready[i] <= due[i]}
    pending = sorted((i for i in wanted if left[i]), key=lambda i: (due[i], i))
    needed = [steps * task.seconds[-1] for steps, task in zip(left, tasks, strict=True)]
    current = list(tasks)
    for i in (at[id_] for assignment in assignments for id_ in assignment.jobs if id_ in at):
        current[i] = _released(tasks[i], ready[i], done.last[i])
    if not priced and all(degree[i] == tasks[i].degrees[-1] for i in pending):  # none makes room, none can be wider
        return served | {i for i in pending if max(ready[i], now) + needed[i] <= due[i]}, 0.0
    held = {i for i in pending if degree[i]}
    at_once = _AT_ONCE_IN_LARGE if coarse else _AT_ONCE
    while pending:
        pending = [i for i in pending if (ready[i] if ready[i] > now else now) + needed[i] <= due[i]]
        images = [until for until in images if until > now + EPSILON]
        degrees = allot(current, left, pending, now, round_.cluster.gpus - len(images), not priced)
        if not degrees:
            if not (images and pending):
                break
            now = min(images)
            continue
        begins = _take(degrees, done, current, held, pool, now)
        runs = []
        for i, own in degrees.items():
            task = tasks[i]
            step_time = task.seconds[task.degrees.index(own)]
            runs.append((begins[i] + left[i] * step_time, i, own, step_time))
        ends = sorted(run[0] for run in runs)
        now = min(ends[math.ceil(len(ends) / at_once) - 1], min(images, default=math.inf))
        for _, i, own, step_time in runs:  # all others stay as they are
            task = tasks[i]
            steps = min(left[i], max(0, math.ceil((now - begins[i]) / step_time - 1e-6)))
            left[i] -= steps
            ready[i] = begins[i] + steps * step_time
            needed[i] = left[i] * task.seconds[-1]
            current[i] = _released(task, ready[i], done.last[i])
            if priced:
                spent += own * steps * step_time
            if not left[i]:
                pool += [ready[i]] * (own - 1) + [ready[i] + task.decode]
                if task.decode:
                    images.append(pool[-1])
                degree[i] = 0
                held.discard(i)
                if ready[i] <= due[i]:
                    served.add(i)
        pending = [i for i in pending if left[i]]
    if priced:
        for i in wanted:
            spent += left[i] * min(d * t for d, t in zip(tasks[i].degrees, tasks[i].seconds, strict=True))
    return served, spent


def _released(task: Task, ready: float, last: int) -> Task:
    """Return a task that can go on from a time on; made often, so without the detour of ``replace``."""
    if ready == task.release and last == task.held:
        return task
    return Task(ready, task.due, task.steps, task.degrees, task.seconds, task.weight, last, task.move, task.decode)


def _begin(
    round_: Round, at: dict[int, int], assignments: Sequence[Assignment], done: _Progress, priced: bool
) -> tuple[list[float], list[float], float, float]:
    """Run a plan until it is made anew.

    Returns
    -------
    tuple
        When each GPU that no task holds is free, those of them that make images, the time, and, if they have a price,
        GPU-seconds used by wanted tasks and by all other live jobs until they are delivered.
    """
    jobs = {job.request.id: job for job in round_.jobs}
    now = round_.now
    images = set(round_.decoding)
    pool = {gpu: free if free > now else now for gpu, free in enumerate(round_.free_at)}
    runs: list[tuple[Assignment, float, float]] = []
    for assignment in assignments:
        group, members = assignment.group, [jobs[id_] for id_ in assignment.jobs]
        begins = max(job.ready for job in members)
        begins = max(begins, max(pool[gpu] for gpu in group.gpus))
        begins += moving_seconds(round_, members, group.degree, group)
        runs.append((assignment, begins, round_.costs.batch_time(members[0].request.shape, group, len(members))))
    if round_.cadence.kind == "rounds":
        now = round_.now + round_.cadence.tau
    else:
        now = min((begins + a.steps * seconds for a, begins, seconds in runs), default=round_.now)
    spent: list[float] = []
    if priced:
        spent += [round_.least_gpu_seconds(job) for id_, job in jobs.items() if id_ not in at]
    for assignment, begins, seconds in runs:
        degree, steps = assignment.group.degree, assignment.steps
        if not round_.cadence.on_grid:
            steps = min(steps, max(0, math.ceil((now - begins) / seconds - 1e-6)))
        ready = begins + steps * seconds
        used = degree * steps * seconds / len(assignment.jobs)
        for gpu in assignment.group.gpus:
            pool[gpu] = ready
        if images:
            images.difference_update(assignment.group.gpus)
        for place, id_ in enumerate(assignment.jobs):
            if jobs[id_].decode and steps == jobs[id_].steps_left:
                gpu = assignment.group.gpus[place % degree]
                pool[gpu] += jobs[id_].decode
                images.add(gpu)
            spent.append(used)
            i = at.get(id_, -1)
            if i < 0:
                spent.append(-steps * round_.costs.of(jobs[id_].request.shape).cheapest)
                continue
            done.left[i] -= steps
            done.ready[i], done.last[i] = ready, degree
            if done.left[i] and len(assignment.jobs) == 1:
                done.degree[i] = degree
                for gpu in assignment.group.gpus:
                    del pool[gpu]
    return list(pool.values()), [pool[gpu] for gpu in images], now, math.fsum(spent) if priced else 0.0


def _take(
    degrees: dict[int, int],
    done: _Progress,
    tasks: Sequence[Task],
    held: set[int],
    pool: list[float],
    now: float,
) -> dict[int, float]:
    """Give tasks their GPUs, the earliest free ones first, and take them from others that held some.

    Returns
    -------
    dict
        When each begins.
    """
    ready, degree = done.ready, done.degree
    movers = [i for i, own in degrees.items() if degree[i] != own]
    for i in [i for i in held if degrees.get(i, 0) != degree[i]]:
        pool += [ready[i]] * degree[i]
        degree[i] = 0
        held.discard(i)
    pool.sort()
    begins = {i: max(now, ready[i]) for i in degrees}
    for i in movers:
        own = degrees[i]
        begins[i] = max(begins[i], pool[own - 1]) + moved(tasks[i], own)
        del pool[:own]
        degree[i] = done.last[i] = own
        held.add(i)
    return begins
