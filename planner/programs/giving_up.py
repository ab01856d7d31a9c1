"""Whom to give up where not all can be on time: what bounds say without a program.

Where all tasks are worth the same and one of them must be given up, the program gives up the one without which the others
take the fewest GPU-seconds. Two bounds tell that often enough:

- Not all fit. Each task takes at least the GPU-seconds of its cheapest mix of degrees in the time that it has. That time is
  shorter where another one cannot be on time without groups of a size of which there is but one at a time; and up to no
  deadline may the sum be larger than what there is.
- Without this one, the others are served by durations that fit, and take no more than the sum of the least that any others
  would take.

Both hold for the program, so its optimum is the same; what they cannot tell is left to a solver.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from planner.programs.intervals import Task
from planner.programs.lists import list_schedule
from planner.programs.offers import concave
from planner.programs.supply import Durations, Supply

_MARGIN = 1e-4
"""GPU-seconds by which one must be cheaper to be told from another, and by which a sum must exceed what there is."""
_FITS = 1e-9


def to_give_up(tasks: Sequence[Task], supply: Supply, gpus: int) -> int | None:
    """Return the position of the one task that the program gives up, or None where bounds do not tell.

    Parameters
    ----------
    tasks
        All of equal weight.
    supply
        What there is for them (:func:`planner.programs.supply.supply_of`), with groups.
    gpus
        How many there are.
    """
    now = supply.points[0]
    if len(tasks) < 2 or not _too_many(tasks, supply, gpus):
        return None
    least = [least_gpu_seconds(task, task.due - task.release) for task in tasks]
    order = sorted(range(len(tasks)), key=lambda i: -least[i])
    gone, second = order[0], order[1]
    if least[gone] == math.inf or least[gone] - least[second] < _MARGIN:
        return None
    needed = _fitting([task for i, task in enumerate(tasks) if i != gone], supply, now, gpus)
    others = math.fsum(least) - least[second]
    return gone if needed is not None and needed < others - _MARGIN else None


def least_gpu_seconds(task: Task, seconds: float) -> float:
    """Return the GPU-seconds of the cheapest mix of degrees that does a task in some seconds; infinity if none does."""
    if seconds <= 0:
        return math.inf
    degrees, times = concave(task.degrees, task.seconds)
    speed = task.steps / seconds
    gpus, done = 0.0, 0.0
    for degree, time in zip(degrees, times, strict=True):
        if speed <= 1.0 / time:
            share = (speed - done) / (1.0 / time - done)
            return seconds * (gpus + share * (degree - gpus))
        gpus, done = float(degree), 1.0 / time
    return math.inf


def _too_many(tasks: Sequence[Task], supply: Supply, gpus: int) -> bool:
    """Whether not all tasks can be on time, as far as this tells."""
    now = supply.points[0]
    single = min((size for size in supply.groups if gpus // size == 1), default=0)
    wide = [_seconds_on(single, task) if single else 0.0 for task in tasks]
    for due in sorted({task.due for task in tasks}):
        needed = 0.0
        for i, task in enumerate(tasks):
            if task.due > due:
                first = task.steps - (task.due - max(due, task.release)) / task.seconds[-1]
                needed += max(0.0, first) * min(d * t for d, t in zip(task.degrees, task.seconds, strict=True))
                continue
            others = sum(max(0.0, wide[j] - max(0.0, other.due - task.due)) for j, other in enumerate(tasks) if j != i)
            needed += least_gpu_seconds(task, min(task.due - task.release, task.due - now - others))
        if needed > supply.until(due) + _MARGIN:
            return True
    return False


def _seconds_on(size: int, task: Task) -> float:
    """Return the seconds on groups of a size or more without which a task cannot be on time."""
    slow = max((1.0 / t for d, t in zip(task.degrees, task.seconds, strict=True) if d < size), default=0.0)
    fast = 1.0 / task.seconds[-1]
    missing = task.steps - (task.due - task.release) * slow
    return max(0.0, missing / (fast - slow)) if task.degrees[-1] >= size else 0.0


def _fitting(tasks: Sequence[Task], supply: Supply, now: float, gpus: int) -> float | None:
    """Return the GPU-seconds of durations that serve tasks and fit; None where no such durations are at hand."""
    durations = Durations()
    if len(tasks) == 1:
        _mix(tasks[0], supply, durations)
    else:
        schedule = list_schedule(tasks, now, gpus, widen=False)
        if schedule.late(tasks):
            return None
        durations = supply.of(tasks, schedule)
    if supply.excess(durations) > _FITS:
        return None
    return math.fsum(degree * seconds for (_, _, degree), seconds in durations.items())


def _mix(task: Task, supply: Supply, durations: Durations) -> None:
    """Run a task on its cheapest mix, fewer GPUs first."""
    degrees, times = concave(task.degrees, task.seconds)
    seconds = task.due - task.release
    before = None
    for degree, time in zip(degrees, times, strict=True):
        if task.steps * time <= seconds:
            if before is None:
                supply.add(durations, 0, degree, task.release, task.release + task.steps * time)
                return
            slow, slower = before
            narrow = (seconds - task.steps * time) / (slower - time) * slower
            supply.add(durations, 0, slow, task.release, task.release + narrow)
            supply.add(durations, 0, degree, task.release + narrow, task.due)
            return
        before = degree, time
