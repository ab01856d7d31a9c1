"""The optimum of whole steps, for a few tasks of a few steps: every step is an interval that CP-SAT places.

Step n of task i begins at s[i,n] and runs on one of its degrees, on whole ticks; the steps of a task follow one another; at
no moment are there more GPUs in use than there are. With ``placed``, each step also has its GPUs, an aligned block of as
many as its degree, and no GPU does two steps at once. Weights must be whole numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.programs.intervals import Task

_ROUNDED = 1e-6


@dataclass(frozen=True, slots=True)
class WholeSteps:
    """What is known of the optimum.

    Parameters
    ----------
    value
        Weight that the best schedule found serves.
    upper
        Proven: no schedule on ticks serves more.
    """

    value: float
    upper: float


def on_ticks(task: Task, together: int, tick: float) -> Task | None:
    """Return a task with fewer and longer steps, on ticks; None where it cannot be in time.

    Parameters
    ----------
    together
        So many steps are done without a break, on one degree; rounded up if they do not divide the steps.
    tick
        Seconds. Step times and the release are rounded up, the due time down, so that each of its schedules is one of the
        task.
    """
    lengths = [math.ceil(together * seconds / tick - _ROUNDED) for seconds in task.seconds]
    offers = [(k, length) for at, (k, length) in enumerate(zip(task.degrees, lengths, strict=True))
              if all(length < shorter for shorter in lengths[:at])]  # fmt: skip
    steps = math.ceil(task.steps / together)
    release, due = math.ceil(task.release / tick - _ROUNDED), math.floor(task.due / tick + _ROUNDED)
    if release + steps * offers[-1][1] > due:
        return None
    seconds = tuple(length * tick for _, length in offers)
    return Task(release * tick, due * tick, steps, tuple(k for k, _ in offers), seconds, task.weight)


def whole_steps(
    tasks: Sequence[Task], gpus: int, tick: float, budget: float, most: float = math.inf, placed: bool = False
) -> WholeSteps:
    """Search for the best schedule of whole steps.

    Parameters
    ----------
    tasks
        On ticks, as of :func:`on_ticks`.
    gpus
        How many there are; with ``placed``, a multiple of every degree.
    tick
        Seconds.
    budget
        Of CP-SAT, in its deterministic time, which are seconds or so: equal on any machine.
    most
        Proven elsewhere: no schedule serves more.
    placed
        Whether steps have their own GPUs, or GPUs are only counted.
    """
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    served, spans, sizes, blocks = [], [], [], []
    for task in tasks:
        release, due = round(task.release / tick), round(task.due / tick)
        lengths = [round(seconds / tick) for seconds in task.seconds]
        least, longest = min(lengths), max(lengths)
        y = model.new_bool_var("")
        served.append(y)
        before = None
        for n in range(task.steps):
            first, last = release + n * least, due - (task.steps - n) * least
            begin, end = model.new_int_var(first, last, ""), model.new_int_var(first + least, last + longest, "")
            chosen = []
            for degree, length in zip(task.degrees, lengths, strict=True):
                here = model.new_bool_var("")
                chosen.append(here)
                spans.append(model.new_optional_interval_var(begin, length, end, here, ""))
                sizes.append(degree)
                if placed:
                    block, low = model.new_int_var(0, gpus // degree - 1, ""), model.new_int_var(0, gpus - degree, "")
                    model.add(low == degree * block)
                    blocks.append(model.new_optional_fixed_size_interval_var(low, degree, here, ""))
            model.add(sum(chosen) == y)
            model.add(end <= due).only_enforce_if(y)
            if before is not None:
                model.add(begin >= before).only_enforce_if(y)
            before = end
    model.add_cumulative(spans, sizes, gpus)
    if placed:
        model.add_no_overlap_2d(spans, blocks)
    worth = sum(round(task.weight) * y for task, y in zip(tasks, served, strict=True))
    total = float(np.sum([round(task.weight) for task in tasks]))
    if most < total:
        model.add(worth <= math.floor(most + _ROUNDED))
    model.maximize(worth)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.max_deterministic_time = budget
    status = solver.solve(model)
    upper = min(most, total)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return WholeSteps(0.0, upper)
    return WholeSteps(solver.objective_value, min(upper, math.floor(solver.best_objective_bound + _ROUNDED)))
