"""The deadline-interval program by prices on GPU time, for backlogs that are too large for a solver.

With a price per GPU-second in every interval, tasks decouple: each buys the cheapest seconds that do its steps in time, and
is served if they cost less than it is worth. What all tasks then gain, plus the value of the GPU time at those prices, is an
upper bound on the program for any prices (Lagrangian duality; Fisher, 1981). A subgradient method lowers it. A feasible
point follows from the best prices: the tasks that pay buy in turn, from what is left, by deadline; those that find too
little go first in the next pass ("squeaky wheel" optimization; Joslin and Clements, 1999).

What a task buys, also for its image where GPUs of the cluster decode, is found by sorting (:mod:`planner.programs.offers`).

Deadlines need not be points of the grid: a task may use its last interval up to its deadline. Within an interval,
GPU time is only counted as a whole, so the grid makes the program (and hence the bound) larger, never smaller.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from planner.effort import PRICES, PURCHASE
from planner.outcomes import Floats
from planner.programs.intervals import Task
from planner.programs.offers import STEPS_DONE, Kind, Purchase, buy, kinds_of

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


class _Need(NamedTuple):
    """Steps, or seconds of an image, to be bought; offers from the cheapest on: room, GPU-seconds each, interval."""

    amount: float
    room: list[float]
    price: list[float]
    interval: list[int]


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
    kinds = kinds_of(tasks, points)
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
    kinds = kinds_of(tasks, points)
    iterations = _affordable(kinds, budget, iterations)
    return _rounded(tasks, _lower(kinds, gpu_seconds, 0.0, iterations)[1])


def _affordable(kinds: Sequence[Kind], budget: float, most: int) -> int:
    """Subgradient steps that a budget pays for, up to ``most``."""
    return int(min(most, max(_FEWEST, budget / sum(PRICES(kind.size) for kind in kinds))))


def _rounded(tasks: Sequence[Task], bound: float) -> float:
    """Return a bound that no sum of weights exceeds: whole tasks where all weigh the same."""
    unit = tasks[0].weight
    if all(task.weight == unit for task in tasks):
        bound = unit * math.floor(bound / unit + 1e-6)
    return min(bound, math.fsum(task.weight for task in tasks))


def _dual(kinds: Sequence[Kind], prices: Floats, gpu_seconds: Floats) -> tuple[float, Floats]:
    """Value of the dual function, and its subgradient: GPU time that is left over in each interval."""
    value = float(prices @ gpu_seconds)
    left = gpu_seconds.copy()
    for kind in kinds:
        bought = buy(kind, prices)
        gain = kind.weights - bought.cost
        pays = (gain > 0.0) & kind.possible
        value += float(gain @ pays)
        left -= bought.used(kind, pays, len(left))
    return value, left


def _level(kinds: Sequence[Kind], gpu_seconds: Floats) -> Floats:
    """One price for all intervals, the lowest at which no more GPU time is asked for than there is.

    Where all intervals cost the same, a task buys its least GPU-seconds, whatever the price, and is served while they
    cost less than it is worth.
    """
    least = [buy(kind, np.ones(len(gpu_seconds))).cost[kind.possible] for kind in kinds]
    needed = np.concatenate(least)
    dearest = np.concatenate([kind.weights[kind.possible] / own for kind, own in zip(kinds, least, strict=True)])
    order = np.argsort(-dearest, kind="stable")
    beyond = np.flatnonzero(np.cumsum(needed[order]) > float(gpu_seconds.sum()))
    price = float(dearest[order[beyond[0]]]) if len(beyond) else 0.0
    return np.full(len(gpu_seconds), max(price, _FLOOR * max(float(kind.weights.max()) for kind in kinds)))


def _lower(kinds: Sequence[Kind], gpu_seconds: Floats, value: float, iterations: int) -> tuple[Floats, float]:
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


def _serve(kinds: Sequence[Kind], prices: Floats, gpu_seconds: Floats, passes: int) -> list[int]:
    """Let tasks buy in turn from what is left; return the largest set served in any pass."""
    buyers = []
    for kind in kinds:
        bought = buy(kind, prices)
        rows = zip(
            kind.tasks.tolist(),
            (bought.cost < kind.weights).tolist(),
            kind.due.tolist(),
            (bought.cost / kind.weights).tolist(),
            _needs(kind, bought),
            strict=True,
        )
        buyers += list(rows)
    weights = {int(i): float(w) for kind in kinds for i, w in zip(kind.tasks, kind.weights, strict=True)}
    ignored = dict.fromkeys(weights, 0)
    best: list[int] = []
    most = -1.0
    for _ in range(passes):
        buyers.sort(key=lambda b: (not b[1], -ignored[b[0]], b[2] if b[1] else b[3], b[0]))
        left = gpu_seconds.tolist()
        served: list[int] = []
        failed: list[int] = []
        for i, pays, _, _, needs in buyers:
            if _take(needs, left):
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


def _needs(kind: Kind, bought: Purchase) -> list[tuple[_Need, ...]]:
    """What each task of a kind has to buy, from the cheapest offers on."""
    price, interval = kind.price[bought.order].tolist(), kind.interval[bought.order].tolist()
    steps = zip(kind.steps.tolist(), kind.room[bought.order].T.tolist(), strict=True)
    needs = [_Need(amount, room, price, interval) for amount, room in steps]
    if kind.images is None:
        return [(need,) for need in needs]
    even, order = [1.0] * len(bought.image_order), bought.image_order.tolist()
    images = zip(kind.images.seconds.tolist(), kind.images.room[bought.image_order].T.tolist(), strict=True)
    return [(need, _Need(amount, room, even, order)) for need, (amount, room) in zip(needs, images, strict=True)]


def _take(needs: Sequence[_Need], left: list[float]) -> bool:
    """Buy all that is needed from the cheapest offers that are left, or nothing."""
    taken: list[tuple[int, float]] = []
    for need in needs:
        wanted = need.amount
        if wanted <= STEPS_DONE:
            continue
        for can, cost, at in zip(need.room, need.price, need.interval, strict=True):  # the innermost loop: no min()
            amount = left[at] / cost
            if can < amount:
                amount = can
            if wanted < amount:
                amount = wanted
            if amount > 0:
                taken.append((at, amount * cost))
                left[at] -= amount * cost
                wanted -= amount
                if wanted <= STEPS_DONE:
                    break
        else:
            for at, spent in taken:
                left[at] += spent
            return False
    return True
