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

from planner.cluster import Group
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
        Of all live jobs until each is delivered.
    """

    promised: tuple[int, ...]
    gpu_seconds: float


@dataclass
class _State:
    """What is left of a task, and where it is: since when its GPUs are free, and how many it holds."""

    left: int
    ready: float
    degree: int = 0
    last: int = 0
    """The degree at which it ran last, for what a move costs."""


def continue_plan(
    round_: Round,
    tasks: Sequence[Task],
    ids: Sequence[int],
    assignments: Sequence[Assignment],
    wanted: Collection[int],
    widen: bool,
    most: float = _LARGE,
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
    widen
        Whether idle GPUs widen what runs.
    most
        Above this, a backlog is large (:func:`largest`).
    """
    wanted = set(wanted)
    while True:
        served, spent = _run(round_, tasks, ids, assignments, wanted, widen, most)
        if served == wanted or large(round_, len(wanted), most):
            return Continuation(tuple(sorted(served)), spent)
        wanted = served


def _run(
    round_: Round,
    tasks: Sequence[Task],
    ids: Sequence[int],
    assignments: Sequence[Assignment],
    wanted: set[int],
    widen: bool,
    most: float,
) -> tuple[set[int], float]:
    """Return which of the wanted tasks are on time, and all GPU-seconds."""
    at = {id_: i for i, id_ in enumerate(ids)}
    states = {i: _State(tasks[i].steps, tasks[i].release, last=tasks[i].held) for i in wanted}
    pool, images, spent, now, rest = _begin(round_, at, assignments, states)
    served = {i for i in wanted if not states[i].left and states[i].ready <= tasks[i].due}
    pending = sorted((i for i in wanted if states[i].left), key=lambda i: (tasks[i].due, i))
    ready = {i: states[i].ready for i in pending}
    left = {i: float(states[i].left) for i in pending}
    needed = {i: left[i] * tasks[i].seconds[-1] for i in pending}
    current = {i: _released(tasks[i], states[i]) for i in pending}
    if widen and all(states[i].degree == tasks[i].degrees[-1] for i in pending):  # none makes room, none can be wider
        for i in pending:
            if max(ready[i], now) + needed[i] <= tasks[i].due:
                spent += states[i].degree * needed[i]
                states[i].left = 0
                served.add(i)
        pending = []
    held = {i for i in pending if states[i].degree}
    at_once = _AT_ONCE_IN_LARGE if large(round_, len(wanted), most) else _AT_ONCE
    while pending:
        pending = [i for i in pending if (ready[i] if ready[i] > now else now) + needed[i] <= tasks[i].due]
        images = [until for until in images if until > now + EPSILON]
        degrees = allot(current, left, pending, now, round_.cluster.gpus - len(images), widen)
        if not degrees:
            if not (images and pending):
                break
            now = min(images)
            continue
        begins = _take(degrees, states, current, held, pool, now)
        step_time = {i: tasks[i].seconds[tasks[i].degrees.index(degree)] for i, degree in degrees.items()}
        ends = sorted(begins[i] + states[i].left * step_time[i] for i in degrees)
        now = min(ends[math.ceil(len(ends) / at_once) - 1], min(images, default=math.inf))
        for i, degree in degrees.items():  # all others stay as they are
            state, task = states[i], tasks[i]
            steps = min(state.left, max(0, math.ceil((now - begins[i]) / step_time[i] - 1e-6)))
            state.left -= steps
            state.ready = ready[i] = begins[i] + steps * step_time[i]
            left[i] = float(state.left)
            needed[i] = left[i] * task.seconds[-1]
            current[i] = _released(task, state)
            spent += degree * steps * step_time[i]
            if not state.left:
                pool += [state.ready] * (degree - 1) + [state.ready + task.decode]
                if task.decode:
                    images.append(pool[-1])
                state.degree = 0
                held.discard(i)
                if state.ready <= task.due:
                    served.add(i)
        pending = [i for i in pending if left[i]]
    for i in wanted:
        task, state = tasks[i], states[i]
        spent += state.left * min(d * t for d, t in zip(task.degrees, task.seconds, strict=True))
    return served, spent + rest


def _released(task: Task, state: _State) -> Task:
    """Return a task that can go on from a time on; made often, so without the detour of ``replace``."""
    if state.ready == task.release and state.last == task.held:
        return task
    return Task(
        state.ready, task.due, task.steps, task.degrees, task.seconds, task.weight, state.last, task.move, task.decode
    )


def _begin(
    round_: Round, at: dict[int, int], assignments: Sequence[Assignment], states: dict[int, _State]
) -> tuple[list[float], list[float], float, float, float]:
    """Run a plan until it is made anew.

    Returns
    -------
    tuple
        When each GPU that no task holds is free, those of them that make images, GPU-seconds used by wanted tasks, the
        time, and GPU-seconds of all other live jobs until they are delivered.
    """
    jobs = {job.request.id: job for job in round_.jobs}
    now = round_.now
    images = set(round_.decoding)
    pool = {gpu: free if free > now else now for gpu, free in enumerate(round_.free_at)}
    runs: list[tuple[Assignment, float, float]] = []
    for assignment in assignments:
        group: Group = assignment.group
        begins = max(*(jobs[id_].ready for id_ in assignment.jobs), *(pool[gpu] for gpu in group.gpus))
        begins += max(round_.move_seconds(jobs[id_], group) for id_ in assignment.jobs)
        shape = jobs[assignment.jobs[0]].request.shape
        runs.append((assignment, begins, round_.costs.batch_time(shape, group, len(assignment.jobs))))
    if round_.cadence.kind == "rounds":
        now = round_.now + round_.cadence.tau
    else:
        now = min((begins + a.steps * seconds for a, begins, seconds in runs), default=round_.now)
    spent = 0.0
    rest = {id_: round_.least_gpu_seconds(job) for id_, job in jobs.items() if at.get(id_, -1) not in states}
    for assignment, begins, seconds in runs:
        degree, steps = assignment.group.degree, assignment.steps
        if not round_.cadence.on_grid:
            steps = min(steps, max(0, math.ceil((now - begins) / seconds - 1e-6)))
        ready = begins + steps * seconds
        used = degree * steps * seconds / len(assignment.jobs)
        for gpu in assignment.group.gpus:
            pool[gpu] = ready
        images.difference_update(assignment.group.gpus)
        for place, id_ in enumerate(assignment.jobs):
            if jobs[id_].decode and steps == jobs[id_].steps_left:
                gpu = assignment.group.gpus[place % degree]
                pool[gpu] += jobs[id_].decode
                images.add(gpu)
            state = states.get(at.get(id_, -1))
            if state is None:
                rest[id_] += used - steps * rest[id_] / jobs[id_].steps_left
                continue
            spent += used
            state.left -= steps
            state.ready, state.last = ready, degree
            if state.left and len(assignment.jobs) == 1:
                state.degree = degree
                for gpu in assignment.group.gpus:
                    del pool[gpu]
    return list(pool.values()), [pool[gpu] for gpu in images], spent, now, math.fsum(rest.values())


def _take(
    degrees: dict[int, int],
    states: dict[int, _State],
    tasks: dict[int, Task],
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
    movers = [i for i, degree in degrees.items() if states[i].degree != degree]
    for i in [i for i in held if degrees.get(i, 0) != states[i].degree]:
        state = states[i]
        pool += [state.ready] * state.degree
        state.degree = 0
        held.discard(i)
    pool.sort()
    begins = {i: max(now, states[i].ready) for i in degrees}
    for i in movers:
        degree = degrees[i]
        begins[i] = max(begins[i], pool[degree - 1]) + moved(tasks[i], degree)
        del pool[:degree]
        states[i].degree = states[i].last = degree
        held.add(i)
    return begins
