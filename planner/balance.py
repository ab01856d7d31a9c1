"""Who is planned in which cell: each waiting job goes where GPU time is cheapest in its window.

The price of a cell's GPU time is what it has sold of an interval over what it has to sell there. Prices of the joint
program would be equal in all cells, for a job would move from a dear cell to a cheap one (they are the duals of the same
rows); so those with the most weight per GPU-second, which are served at any price, are dealt first, and keep the prices
equal. Jobs that run, or whose step is in progress, stay where they are; one that waits with its latent in a cell
leaves it only for one that is clearly cheaper.
"""

from __future__ import annotations

import numpy as np

from planner.outcomes import Floats
from planner.round import Round
from planner.sweep import backlog_of

_INTERVALS = 6
"""Intervals up to the last deadline, at quantiles of the deadlines."""
_LOYALTY = 0.05
"""Share of a cell's GPU time by which another must be cheaper before a latent is moved."""


def balanced(round_: Round, gpus: int) -> list[int]:
    """Return the cell of each job, in the order of ``round_.jobs``.

    Parameters
    ----------
    round_
        Of the whole cluster.
    gpus
        Of each cell.
    """
    jobs, now = round_.jobs, round_.now
    if not jobs:
        return []
    cells = round_.cluster.gpus // gpus
    home = np.array([job.group.gpus[0] // gpus if job.group is not None else -1 for job in jobs])
    stays = np.array([job.group is not None and (job.running or job.ready > now) for job in jobs])
    backlog = backlog_of(round_, jobs, [job.request.weight for job in jobs])
    allowed = np.maximum(backlog.due - backlog.ready, 0.0)
    wanted = backlog.wanted(backlog.left, allowed, backlog.held)
    work = backlog.left * backlog.at(backlog.costs, wanted) + backlog.decode
    points = _points(backlog.due)
    share = _shares(np.maximum(backlog.ready, 0.0), backlog.due, points)
    supply = _supply(round_, points, cells)
    demand = work[:, None] * share
    price = np.zeros((cells, len(points) - 1))
    np.add.at(price, home[stays], demand[stays])
    price /= supply
    ranked = np.argsort(work / backlog.weights, kind="stable")
    result = home.copy()
    for i in ranked[~stays[ranked]].tolist():
        asked = price @ share[i]
        if home[i] >= 0:
            asked[home[i]] -= _LOYALTY
        cell = int(asked.argmin())
        result[i] = cell
        price[cell] += demand[i] / supply[cell]
    cells_of_jobs: list[int] = result.tolist()
    return cells_of_jobs


def _points(due: Floats) -> Floats:
    """Return ascending times from now, 0, to the last deadline."""
    ahead = due[due > 0.0]
    if not len(ahead):
        return np.array([0.0, 1.0])
    return np.unique(np.r_[0.0, np.quantile(ahead, np.linspace(0.0, 1.0, _INTERVALS + 1)[1:])])


def _shares(ready: Floats, due: Floats, points: Floats) -> Floats:
    """Return how each window spreads over the intervals, shape (n, m); all of them for one that is over."""
    inside = np.minimum(points[None, 1:], due[:, None]) - np.maximum(points[None, :-1], ready[:, None])
    inside = np.clip(inside, 0.0, None)
    inside[inside.sum(axis=1) <= 0.0] = np.diff(points)
    shares: Floats = inside / inside.sum(axis=1, keepdims=True)
    return shares


def _supply(round_: Round, points: Floats, cells: int) -> Floats:
    """Return the GPU-seconds of each cell in each interval, less those of steps in progress; shape (cells, m)."""
    lengths = np.diff(points)
    busy = np.clip(np.array(round_.free_at) - round_.now, 0.0, None)
    taken = np.clip(busy[:, None] - points[:-1], 0.0, lengths).reshape(cells, -1, len(lengths)).sum(axis=1)
    gpus: int = len(busy) // cells
    supply: Floats = np.maximum(gpus * lengths - taken, 1e-9)
    return supply
