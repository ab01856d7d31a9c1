"""The cheapest schedule of whole steps of one task, where GPU time has a price at every moment and degree.

Prices are constant between points, so C_k(s), what running on k GPUs from the first point to s costs, is piecewise linear,
and a step of T_k seconds that begins at s costs C_k(s + T_k) - C_k(s). With f_n(s) the least cost of n steps that end by s,

    f_{n+1}(e) = min over k, s <= e - T_k of  f_n(s) + C_k(s + T_k) - C_k(s)

Steps may begin at any real time. On ticks of the task's own length, two answers enclose the least cost:

- *from below*, a step takes its whole ticks, rounded down, and one that begins between two ticks costs what the cheapest
  moment between them would. In a schedule, let a_n be the first tick at or after the end of step n. Step n + 1 begins at
  s >= (a_n - 1) ticks and, if a later tick a is the first at or after s, ends at s + T > (a - 1 + T) ticks, so
  a_{n+1} >= a + floor(T): the ticks (a_n) are a schedule of the rounded program, which costs no more.
- *from above*, a step takes its ticks, rounded up, and begins on a tick: that is a schedule, and what it really costs counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.outcomes import Floats, Ints
from planner.programs.intervals import Task

_TICKS = 3000
"""Of a window, at least, in a bound from below; up to twice as many."""
_COARSE = 1000
"""The same where schedules are made."""
_WHOLE = 1e-9
"""A step may be shorter or longer than its ticks by this share of one, and still fill them."""
_SAFE = 1e-6
"""Share of a tick by which a bound from below lets a schedule end later, for what is rounded."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Whole steps of one task.

    Parameters
    ----------
    starts
        Ascending, in seconds, shape (steps,).
    choice
        Of each step: the position of its degree among the task's, shape (steps,).
    cost
        At the prices for which it was made.
    """

    starts: Floats
    choice: Ints
    cost: float

    def used(self, task: Task, points: Floats) -> Floats:
        """Return the seconds on each degree between consecutive points, shape (degrees, intervals)."""
        seconds = np.array(task.seconds)
        used = np.zeros((len(seconds), len(points) - 1))
        for k, step in enumerate(seconds):
            begin = self.starts[self.choice == k]
            done = np.clip(points[:, None] - begin, 0.0, step).sum(axis=1)
            used[k] = np.diff(done)
        return used


def least_cost(task: Task, points: Floats, prices: Floats) -> float:
    """Return a number that no schedule of whole steps in the task's window costs less than.

    Parameters
    ----------
    task
        Its window must lie between the first and the last point.
    points
        Ascending times, shape (m + 1,).
    prices
        Per second on each of the task's degrees between points, at least 0, shape (degrees, m).

    Returns
    -------
    float
        Infinite where no schedule is in time.
    """
    tick, _ = ticks(task, up=False)
    last = int(np.ceil((task.due - task.release) / tick + _SAFE))
    moves = []
    for k, step in enumerate(task.seconds):
        length = int(np.floor(step / tick + _WHOLE))
        if length <= last:
            moves.append((length, _cheapest_between(task, points, prices[k], step, tick, last + 1 - length)))
    done = np.zeros(last + 1)
    for _ in range(task.steps):
        done = _step(done, moves)
    return float(done[-1])


def cheapest_schedule(task: Task, points: Floats, prices: Floats) -> Schedule | None:
    """Return a cheap schedule of whole steps, parameters as of :func:`least_cost`; None where none on ticks is in time."""
    tick, _ = ticks(task, up=True)
    last = int(np.floor((task.due - task.release) / tick + _WHOLE))
    at = task.release + tick * np.arange(last + 1)
    moves = []
    for k, step in enumerate(task.seconds):
        length = int(np.ceil(step / tick - _WHOLE))
        begin = at[: max(0, last + 1 - length)]
        spent = _spent(points, prices[k])
        moves.append((length, np.interp(begin + step, points, spent) - np.interp(begin, points, spent)))
    done = [np.zeros(last + 1)]
    for _ in range(task.steps):
        done.append(_step(done[-1], moves))
    if not np.isfinite(done[-1][-1]):
        return None
    starts, choice = np.empty(task.steps), np.empty(task.steps, dtype=np.int64)
    end = last
    for n in reversed(range(task.steps)):
        now, before = done[n + 1], done[n]
        end = int(
            np.searchsorted(-now[: end + 1], -now[end], side="left")
        )  # the first moment at which it costs no more
        offers = [before[end - length] + cost[end - length] if length <= end else np.inf for length, cost in moves]
        k = int(np.argmin(offers))
        end -= moves[k][0]
        starts[n], choice[n] = at[end], k
    return Schedule(starts, choice, float(done[-1][-1]))


def ticks(task: Task, up: bool) -> tuple[float, float]:
    """Return a length of ticks at which rounding loses little, and the largest share of a step that it loses or adds."""
    fewest = _COARSE if up else _TICKS
    low, high = (task.due - task.release) / (2 * fewest), (task.due - task.release) / fewest
    steps = np.array(task.seconds)
    parts = np.concatenate([step / np.arange(max(1, np.ceil(step / high)), np.floor(step / low) + 1) for step in steps])
    candidates = np.unique(np.concatenate([np.linspace(low, high, 200), parts]))
    counts = steps[:, None] / candidates
    rounded = np.ceil(counts - _WHOLE) if up else np.floor(counts + _WHOLE)
    loss = np.abs(rounded / counts - 1.0).max(axis=0)
    best = int(np.argmin(loss))
    return float(candidates[best]), float(loss[best])


def _spent(points: Floats, price: Floats) -> Floats:
    return np.concatenate([[0.0], np.cumsum(price * np.diff(points))])


def _cheapest_between(task: Task, points: Floats, price: Floats, step: float, tick: float, count: int) -> Floats:
    """Least cost of a step that begins after the tick before and by each of the first ``count`` ticks.

    The cost is piecewise linear in the beginning, so the ticks and the moments at which the step begins or ends at a point
    are enough. What of a step lies after the last point costs nothing.
    """
    spent = _spent(points, price)

    def cost(begin: Floats) -> Floats:
        return np.interp(begin + step, points, spent) - np.interp(begin, points, spent)

    at: Floats = task.release + tick * np.arange(count, dtype=np.float64)
    least = cost(at)
    least[1:] = np.minimum(least[1:], least[:-1])
    bends = np.concatenate([points, points - step])
    bends = bends[(bends >= task.release) & (bends <= at[-1])]
    cell = (bends - task.release) / tick
    value = cost(bends)
    for side in (np.ceil(cell - _SAFE), np.ceil(cell + _SAFE)):  # what rounds to a tick counts on both sides of it
        np.minimum.at(least, np.minimum(side.astype(np.int64), count - 1), value)
    return least


def _step(done: Floats, moves: list[tuple[int, Floats]]) -> Floats:
    """Least cost of one step more by each tick."""
    more = np.full(len(done), np.inf)
    for length, cost in moves:
        reached = more[length : length + len(cost)]
        np.minimum(reached, done[: len(cost)] + cost, out=reached)
    return np.minimum.accumulate(more)
