"""A bound by sets of tasks that no schedules of whole steps serve together.

The interval program says which tasks its fluid schedule serves. If the master of whole schedules of these tasks alone
(:mod:`planner.decomposition.master`) is worth less than they weigh, no real schedule serves all of them: with U, what that
master is worth at most,

    sum over the set of w_i y_i  <=  U

is a row that every real schedule keeps. With it the program is solved again, until the master serves its set, or does not
settle whether it does. As rows are only added, the bound is never above the program's own. Where it ends with a set that
the master serves, no row of this kind, and no branching on whom to serve, can lower the bound further: the set is a
solution of the master.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from planner.backends.protocol import Backend, BackendError
from planner.decomposition.master import decompose
from planner.decomposition.moments import Row, extended, whole
from planner.outcomes import Floats
from planner.programs.concurrency import levels, with_levels
from planner.programs.intervals import Intervals, Task, interval_program


@dataclass(frozen=True, slots=True)
class SetBound:
    """What columns of whole schedules do to the value of a program.

    Parameters
    ----------
    upper
        Proven: no schedule of whole steps serves more weight; at most the program's own bound.
    tasks
        Positions of the tasks that the last point serves.
    rows
        Sets that were found not to be served together.
    served
        Whether whole schedules serve the last set, each task as a mix of schedules: then nothing that columns say lowers
        the bound.
    """

    upper: float
    tasks: tuple[int, ...]
    rows: int
    served: bool


def set_bound(
    tasks: Sequence[Task],
    points: Floats,
    program: Intervals,
    gpus: int,
    degrees: Sequence[int],
    solver: Backend,
    budget: float,
    sets: int = 50,
    rounds: int = 200,
) -> SetBound:
    """Lower the bound of a program by sets that columns do not serve.

    Parameters
    ----------
    tasks, points, program
        As of :func:`planner.decomposition.master.decompose`.
    gpus, degrees
        Of the cluster.
    solver, budget
        Of programs, and its budget in seconds for each.
    sets, rounds
        Sets to ask for at most, and masters to solve for each.

    Raises
    ------
    BackendError
        If a solver finds neither a point nor a bound in its budget.
    """
    weights = program.linear.rewards[: len(tasks)]
    upper = float(weights.sum())
    served: tuple[int, ...] = ()
    for made in range(sets):
        answer = solver.solve(program.linear, budget)
        if answer.bound is None or answer.x is None:
            raise BackendError(f"{solver.name} finds no point and bound in {budget:g} s; give it more")
        upper = min(upper, whole(weights, answer.bound))
        served = tuple(np.flatnonzero(answer.x[: len(tasks)] > 0.5).tolist())
        if answer.status != "optimal":
            return SetBound(upper, served, made, False)
        worth, target = (
            _worth([tasks[i] for i in served], points, gpus, degrees, rounds),
            float(weights[list(served)].sum()),
        )
        most = whole(weights[list(served)], worth[1])
        if most > target - 1e-4:
            return SetBound(upper, served, made, worth[0] >= target - 1e-4)
        row = Row(np.array(served), weights[list(served)], most)
        program = replace(program, linear=extended(program.linear, [row]))
    return SetBound(upper, served, sets, False)


def shared_program(tasks: Sequence[Task], points: Floats, gpus: int, degrees: Sequence[int]) -> Intervals:
    """Return the interval program of a run with its rows on concurrency, as the clairvoyant bound solves it."""
    program = interval_program(tasks, points, gpus * np.diff(points))
    return with_levels(program, len(tasks), levels(gpus, degrees, points))


def _worth(
    tasks: Sequence[Task], points: Floats, gpus: int, degrees: Sequence[int], rounds: int
) -> tuple[float, float]:
    """Least and most that the master of some tasks is worth, as far as it must be known to tell whether it serves all."""
    if not tasks:
        return 0.0, 0.0
    own = points[(points >= min(task.release for task in tasks)) & (points <= max(task.due for task in tasks))]
    target = sum(task.weight for task in tasks)
    found = decompose(tasks, own, shared_program(tasks, own, gpus, degrees), rounds, target)
    return found.lower, found.upper
