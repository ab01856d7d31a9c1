"""The deadline-interval program by prices on GPU time, for backlogs that are too large for a solver.

With a price per GPU-second in every interval, tasks decouple: each buys the cheapest seconds that do its steps in
time, and is
served if they cost less than it is worth. What all tasks then gain, plus the value of the GPU time at those prices,
is an
upper bound on the program for any prices (Lagrangian duality; Fisher, 1981). A subgradient method lowers it. A feasible
point follows from the best prices: the tasks that pay buy in turn, from what is left, by deadline; those that find too
little go first in the next pass ("squeaky wheel" optimization; Joslin and Clements, 1999).

A task's cheapest seconds are found by sorting: its speed is concave in GPUs, so each interval offers segments of
increasing
price per step, and the cheapest segments of all intervals that hold its steps are optimal. All tasks of a shape
share the order, so a whole shape is one matrix, of size tasks x (intervals x segments).

Deadlines need not be points of the grid: a task may use its last interval up to its deadline. Within an interval,
GPU time is only counted as a whole, so the grid makes the program (and hence the bound) larger, never smaller.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from planner.effort import PRICES, PURCHASE
from planner.outcomes import Bools, Floats, Ints
from planner.programs.intervals import Task

_STEPS_DONE = 1e-6
_LEAST_AMBITION = 0.05
"""Below this length of steps, the dual function is left as it is."""
_FEWEST = 8
"""Subgradient steps at least."""
_LOWERING = 0.7
"""Share of the budget for evaluations of the dual function; tries to serve get the rest."""
_EVEN = 1e-6
"""A price of all intervals at which everybody buys, and the least GPU-seconds at that."""
_FLOOR = 2.0**-12
"""Price at which prices begin at least, relative to the largest weight: where GPU time is free, all of it is wanted early."""
_LATER = 1e-9
"""Price per interval that breaks ties in favour of earlier ones."""


@dataclass(frozen=True, slots=True)
class ServedTasks:
    """Which tasks to serve.

    Parameters
    ----------
    tasks
        Positions of the tasks that a feasible point serves.
    value
        Their weight.
    bound
        Proven: no point of the program serves more.
    """

    tasks: tuple[int, ...]
    value: float
    bound: float


@dataclass(frozen=True, slots=True)
class _Kind:
    """Tasks with the same step times.

    Parameters
    ----------
    tasks
        Positions, shape (n,).
    steps, weights, due
        Of the tasks, shape (n,).
    room
        Steps that a segment can do for a task, shape (n, intervals * segments).
    price
        GPU-seconds per step of each segment, shape (intervals * segments,).
    interval
        Of each segment.
    possible
        Whether a task's steps can be done at all, shape (n,).
    """

    tasks: Ints
    steps: Floats
    weights: Floats
    due: Floats
    room: Floats
    price: Floats
    interval: Ints
    possible: Bools


def serve_by_prices(
    tasks: Sequence[Task],
    points: Floats,
    gpu_seconds: Floats,
    iterations: int = 60,
    passes: int | None = None,
    budget: float = math.inf,
) -> ServedTasks:
    """Choose tasks to serve, with a bound.

    Parameters
    ----------
    tasks
        At least one.
    points
        Ascending times, shape (m + 1,), from the first release to the last deadline.
    gpu_seconds
        To be had in each interval, shape (m,).
    iterations
        Subgradient steps.
    passes
        Tries to serve the tasks that pay; by default 40, and down to 12 for thousands of tasks.
    budget
        Seconds of work (:mod:`planner.effort`) by which subgradient steps and tries are cut down.
    """
    if passes is None:
        passes = min(40, max(12, 8000 // len(tasks)))
    kinds = _kinds(tasks, points)
    iterations = _affordable(kinds, _LOWERING * budget, iterations)
    if math.isfinite(budget):
        passes = min(passes, max(2, int((1.0 - _LOWERING) * budget / (PURCHASE * len(tasks)))))
    total = math.fsum(task.weight for task in tasks)
    even = np.full(len(gpu_seconds), _EVEN)
    found = _serve(kinds, even, gpu_seconds, 1)
    value = math.fsum(tasks[i].weight for i in found)
    if len(found) == len(tasks):
        return ServedTasks(tuple(found), total, total)
    prices, bound = _lower(kinds, gpu_seconds, value, iterations)
    again = _serve(kinds, prices, gpu_seconds, passes)
    if (worth := math.fsum(tasks[i].weight for i in again)) > value:
        found, value = again, worth
    return ServedTasks(tuple(found), value, max(value, _rounded(tasks, bound)))


def bound_by_prices(
    tasks: Sequence[Task], points: Floats, gpu_seconds: Floats, iterations: int = 30, budget: float = math.inf
) -> float:
    """Return a bound on the weight that any point serves, without one; parameters as of :func:`serve_by_prices`."""
    kinds = _kinds(tasks, points)
    iterations = _affordable(kinds, budget, iterations)
    return _rounded(tasks, _lower(kinds, gpu_seconds, 0.0, iterations)[1])


def _affordable(kinds: Sequence[_Kind], budget: float, most: int) -> int:
    """Subgradient steps that a budget pays for, up to ``most``."""
    return int(min(most, max(_FEWEST, budget / sum(PRICES(kind.room.size) for kind in kinds))))


def _rounded(tasks: Sequence[Task], bound: float) -> float:
    """Return a bound that no sum of weights exceeds: whole tasks where all weigh the same."""
    unit = tasks[0].weight
    if all(task.weight == unit for task in tasks):
        bound = unit * math.floor(bound / unit + 1e-6)
    return min(bound, math.fsum(task.weight for task in tasks))


@lru_cache(maxsize=4096)
def concave(degrees: tuple[int, ...], seconds: tuple[float, ...]) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Leave out degrees that a mix of two others beats: at least as many steps per second on as many GPUs.

    Prices count GPU time per interval, in which it can be shared, so such degrees add nothing here. What stays is the
    upper concave hull of (GPUs, steps per second) from (0, 0).
    """
    hull: list[tuple[int, float]] = [(0, 0.0)]
    for degree, step in zip(degrees, seconds, strict=True):
        speed = 1.0 / step
        if speed <= hull[-1][1]:
            continue
        while len(hull) > 1:
            (d0, s0), (d1, s1) = hull[-2], hull[-1]
            if (s1 - s0) * (degree - d1) > (speed - s1) * (d1 - d0) * (1.0 + 1e-12):
                break
            hull.pop()
        hull.append((degree, speed))
    kept = tuple(degree for degree, _ in hull[1:])
    return kept, tuple(seconds[degrees.index(degree)] for degree in kept)


def _kinds(tasks: Sequence[Task], points: Floats) -> list[_Kind]:
    groups: dict[tuple[tuple[int, ...], tuple[float, ...]], list[int]] = {}
    for i, task in enumerate(tasks):
        groups.setdefault(concave(task.degrees, task.seconds), []).append(i)
    kinds = []
    for (degrees, seconds), members in groups.items():
        gpus = np.diff(np.array([0, *degrees], dtype=np.float64))
        speed = np.diff(np.array([0.0, *(1.0 / second for second in seconds)]))
        release = np.array([tasks[i].release for i in members])
        due = np.array([tasks[i].due for i in members])
        usable = np.minimum(points[None, 1:], due[:, None]) - np.maximum(points[None, :-1], release[:, None])
        room = (np.clip(usable, 0.0, None)[:, :, None] * speed).reshape(len(members), -1)
        steps = np.array([tasks[i].steps for i in members], dtype=np.float64)
        kinds.append(
            _Kind(
                tasks=np.array(members),
                steps=steps,
                weights=np.array([tasks[i].weight for i in members]),
                due=due,
                room=room,
                price=np.tile(gpus / speed, len(points) - 1),
                interval=np.repeat(np.arange(len(points) - 1), len(gpus)),
                possible=room.sum(axis=1) >= steps - _STEPS_DONE,
            )
        )
    return kinds


def _dual(kinds: Sequence[_Kind], prices: Floats, gpu_seconds: Floats) -> tuple[float, Floats]:
    """Value of the dual function, and its subgradient: GPU time that is left over in each interval."""
    value = float(prices @ gpu_seconds)
    left = gpu_seconds.copy()
    for kind in kinds:
        order, fill, cost = _buy(kind, prices)
        gain = kind.weights - cost
        pays = (gain > 0.0) & kind.possible
        value += float(gain @ pays)
        spent = (pays @ fill) * kind.price[order]
        left -= np.bincount(kind.interval[order], spent, minlength=len(left))
    return value, left


def _buy(kind: _Kind, prices: Floats) -> tuple[Ints, Floats, Floats]:
    """Order of the segments, steps that each task buys of each in that order, and what it pays."""
    per_step = prices[kind.interval] * kind.price
    order = np.argsort(per_step + _LATER * kind.interval, kind="stable")
    room = kind.room[:, order]
    before = np.cumsum(room, axis=1) - room
    fill = np.minimum(np.maximum(kind.steps[:, None] - before, 0.0), room)
    return order, fill, fill @ per_step[order]


def _level(kinds: Sequence[_Kind], gpu_seconds: Floats) -> Floats:
    """One price for all intervals, the lowest at which no more GPU time is asked for than there is.

    Where all intervals cost the same, a task buys its least GPU-seconds, whatever the price, and is served while they
    cost less than it is worth.
    """
    least = [_buy(kind, np.ones(len(gpu_seconds)))[2][kind.possible] for kind in kinds]
    needed = np.concatenate(least)
    dearest = np.concatenate([kind.weights[kind.possible] / own for kind, own in zip(kinds, least, strict=True)])
    order = np.argsort(-dearest, kind="stable")
    beyond = np.flatnonzero(np.cumsum(needed[order]) > float(gpu_seconds.sum()))
    price = float(dearest[order[beyond[0]]]) if len(beyond) else 0.0
    return np.full(len(gpu_seconds), max(price, _FLOOR * max(float(kind.weights.max()) for kind in kinds)))


def _lower(kinds: Sequence[_Kind], gpu_seconds: Floats, value: float, iterations: int) -> tuple[Floats, float]:
    """Lower the dual function by subgradient steps towards a target just below the best value (Polyak)."""
    prices = _level(kinds, gpu_seconds)
    best, best_prices = math.inf, prices
    ambition, stalled = 1.0, 0
    unit = min(float(kind.weights.min()) for kind in kinds)
    for _ in range(iterations):
        now, left = _dual(kinds, prices, gpu_seconds)
        if now < best - 1e-3 * unit:
            best, best_prices, stalled = now, prices, 0
        else:
            stalled += 1
            if stalled == 4:
                ambition, stalled = 0.6 * ambition, 0
                prices = best_prices
                now, left = _dual(kinds, prices, gpu_seconds)
        left = np.where((prices <= 0) & (left > 0), 0.0, left)
        norm = float(left @ left)
        target = max(value, best - ambition * max(0.01 * best, unit))
        if norm == 0.0 or now <= target or ambition < _LEAST_AMBITION:
            break
        prices = np.maximum(0.0, prices - ambition * (now - target) / norm * left)
    return best_prices, best


def _serve(kinds: Sequence[_Kind], prices: Floats, gpu_seconds: Floats, passes: int) -> list[int]:
    """Let tasks buy in turn from what is left; return the largest set served in any pass."""
    buyers = []
    for kind in kinds:
        order, _, cost = _buy(kind, prices)
        room = kind.room[:, order].tolist()
        price, interval = kind.price[order].tolist(), kind.interval[order].tolist()
        pays = (cost < kind.weights).tolist()
        rows = zip(
            kind.tasks.tolist(),
            pays,
            kind.due.tolist(),
            (cost / kind.weights).tolist(),
            kind.steps.tolist(),
            room,
            strict=True,
        )
        buyers += [(i, pay, due, burden, steps, own, price, interval) for i, pay, due, burden, steps, own in rows]
    weights = {int(i): float(w) for kind in kinds for i, w in zip(kind.tasks, kind.weights, strict=True)}
    ignored = dict.fromkeys(weights, 0)
    best: list[int] = []
    most = -1.0
    for _ in range(passes):
        buyers.sort(key=lambda b: (not b[1], -ignored[b[0]], b[2] if b[1] else b[3], b[0]))
        left = gpu_seconds.tolist()
        served: list[int] = []
        failed: list[int] = []
        for i, pays, _, _, steps, room, price, interval in buyers:
            if _take(steps, room, price, interval, left):
                served.append(i)
            elif pays:
                failed.append(i)
        worth = math.fsum(weights[i] for i in served)
        if worth > most:
            best, most = served, worth
        if not failed:
            break
        for i in failed:
            ignored[i] += 1
    return sorted(best)


def _take(steps: float, room: list[float], price: list[float], interval: list[int], left: list[float]) -> bool:
    """Buy all steps from the cheapest segments that are left, or none."""
    taken: list[tuple[int, float]] = []
    for can, cost, at in zip(room, price, interval, strict=True):  # the innermost loop: no calls of min()
        amount = left[at] / cost
        if can < amount:
            amount = can
        if steps < amount:
            amount = steps
        if amount > 0:
            taken.append((at, amount * cost))
            left[at] -= amount * cost
            steps -= amount
            if steps <= _STEPS_DONE:
                return True
    for at, spent in taken:
        left[at] += spent
    return False
