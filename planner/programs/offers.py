"""GPU time as it is offered to tasks, interval by interval, and what they buy of it at given prices.

A task's speed is concave in GPUs, so each interval offers it segments of increasing GPU-seconds per step; the cheapest
segments of all intervals that hold its steps are optimal, and sorting finds them. All tasks of a shape share the order, so a
whole shape is one matrix, of size (intervals x segments) x tasks. Where GPUs of the cluster decode, a task also buys the
seconds of one GPU for its image (:mod:`planner.programs.images`), in the cheapest intervals in which that can be made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from planner.outcomes import Bools, Floats, Ints
from planner.programs.images import earliest_image, seconds_within
from planner.programs.intervals import Task

STEPS_DONE = 1e-6
"""Steps, and seconds of an image, that count for nothing."""
_LATER = 1e-9
"""Price per interval that breaks ties: steps are done in earlier ones, images made in later ones: steps end by then."""


@dataclass(frozen=True, slots=True)
class ImageOffers:
    """Images of tasks with the same step times.

    Parameters
    ----------
    seconds
        Of a GPU for each, before the last point, shape (n,).
    room
        Seconds of it that each interval can hold, shape (intervals, n).
    """

    seconds: Floats
    room: Floats


@dataclass(frozen=True, slots=True)
class Kind:
    """Tasks with the same step times.

    Parameters
    ----------
    tasks
        Positions, shape (n,).
    steps, weights, due
        Of the tasks, shape (n,).
    room
        Steps that a segment can do for a task, shape (intervals * segments, n).
    price
        GPU-seconds per step of each segment, shape (intervals * segments,).
    interval
        Of each segment.
    possible
        Whether a task's steps can be done at all, shape (n,).
    images
        None where none takes time of these GPUs.
    """

    tasks: Ints
    steps: Floats
    weights: Floats
    due: Floats
    room: Floats
    price: Floats
    interval: Ints
    possible: Bools
    images: ImageOffers | None

    @property
    def size(self) -> int:
        """Numbers that a purchase looks at."""
        return self.room.size + (0 if self.images is None else self.images.room.size)


class Purchase(NamedTuple):
    """What tasks of a kind buy at some prices.

    Parameters
    ----------
    order
        Of the segments, from the cheapest on.
    fill
        Steps that each task buys of each segment in that order, shape (intervals * segments, n).
    cost
        Of steps and image, shape (n,).
    image_order
        Of the intervals, from the cheapest on.
    made
        Seconds of its image that each task buys in each interval in that order, shape (intervals, n); None without images.
    """

    order: Ints
    fill: Floats
    cost: Floats
    image_order: Ints
    made: Floats | None

    def used(self, kind: Kind, pays: Bools, intervals: int) -> Floats:
        """Return the GPU-seconds that some of the tasks take of each interval."""
        spent = (self.fill @ pays) * kind.price[self.order]
        used: Floats = np.bincount(kind.interval[self.order], spent, minlength=intervals).astype(np.float64)
        if self.made is not None:
            used[self.image_order] += self.made @ pays
        return used


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


def kinds_of(tasks: Sequence[Task], points: Floats) -> list[Kind]:
    """Return what each kind of task is offered between ascending points in time, shape (m + 1,)."""
    groups: dict[tuple[tuple[int, ...], tuple[float, ...]], list[int]] = {}
    for i, task in enumerate(tasks):
        groups.setdefault(concave(task.degrees, task.seconds), []).append(i)
    kinds = []
    for (degrees, seconds), members in groups.items():
        gpus = np.diff(np.array([0, *degrees], dtype=np.float64))
        speed = np.diff(np.array([0.0, *(1.0 / second for second in seconds)]))
        release = np.array([tasks[i].release for i in members])
        due = np.array([tasks[i].due for i in members])
        room = (_overlap(points, release, due)[:, None, :] * speed[:, None]).reshape(-1, len(members))
        steps = np.array([tasks[i].steps for i in members], dtype=np.float64)
        kinds.append(
            Kind(
                tasks=np.array(members),
                steps=steps,
                weights=np.array([tasks[i].weight for i in members]),
                due=due,
                room=room,
                price=np.tile(gpus / speed, len(points) - 1),
                interval=np.repeat(np.arange(len(points) - 1), len(gpus)),
                possible=room.sum(axis=0) >= steps - STEPS_DONE,
                images=_images([tasks[i] for i in members], points),
            )
        )
    return kinds


def buy(kind: Kind, prices: Floats) -> Purchase:
    """Return the cheapest purchase of every task, at a price per GPU-second in each interval, shape (m,)."""
    per_step = prices[kind.interval] * kind.price
    order = _cheapest(per_step + _LATER * kind.interval)
    fill = _filled(kind.steps, kind.room[order])
    cost = per_step[order] @ fill
    if kind.images is None:
        return Purchase(order, fill, cost, order[:0], None)
    intervals = _cheapest(prices - _LATER * np.arange(len(prices)))
    made = _filled(kind.images.seconds, kind.images.room[intervals])
    return Purchase(order, fill, cost + prices[intervals] @ made, intervals, made)


def _cheapest(prices: Floats) -> Ints:
    return np.argsort(prices, kind="stable")


def _filled(needed: Floats, room: Floats) -> Floats:
    """Fill rooms one after the other until each column has what it needs, shape (rooms, n)."""
    fill = np.cumsum(room, axis=0)
    fill -= room
    np.subtract(needed, fill, out=fill)
    np.maximum(fill, 0.0, out=fill)
    return np.minimum(fill, room, out=fill)


def _overlap(points: Floats, first: Floats, last: Floats) -> Floats:
    """Seconds of each interval that lie within windows, shape (intervals, n)."""
    within: Floats = np.minimum(points[1:, None], last) - np.maximum(points[:-1, None], first)
    within[within < 0.0] = 0.0
    return within


def _images(tasks: Sequence[Task], points: Floats) -> ImageOffers | None:
    seconds = np.array([seconds_within(task, float(points[-1])) for task in tasks])
    if not seconds.any():
        return None
    first = np.array([earliest_image(task) for task in tasks])
    last = np.array([task.due + task.decode for task in tasks])
    return ImageOffers(seconds, _overlap(points, first, last))
