"""The lookahead program of a round as prices see it: jobs that are worth something, and a coarse grid of GPU time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from planner.outcomes import Floats
from planner.programs.intervals import Task
from planner.programs.prices import bound_by_prices, serve_by_prices
from planner.programs.supply import gpu_seconds_of
from planner.round import Round

_GRID = 12
"""Intervals of the grid."""


class Market:
    """Who asks for GPU time, and how much there is of it; nothing is served or bounded where nobody asks.

    Parameters
    ----------
    round_
        The instance.
    tasks, weights
        Its jobs that can be on time, and what each is worth.
    """

    def __init__(self, round_: Round, tasks: Sequence[Task], weights: Floats) -> None:
        self.positions: list[int] = np.flatnonzero(weights > 0.0).tolist()
        """Of the tasks that are worth something."""
        worth = weights.tolist()
        self._tasks = [
            task if task.weight == worth[i] else replace(task, weight=worth[i])
            for i, task in ((i, tasks[i]) for i in self.positions)
        ]
        due = np.array([task.due for task in self._tasks])
        if self.positions:
            self._points = np.unique(np.r_[round_.now, np.quantile(due, np.linspace(0.0, 1.0, _GRID + 1))])
            self._gpu_seconds = gpu_seconds_of(round_, self._points)

    def serve(self, budget: float) -> tuple[list[int], float]:
        """Return the positions of tasks that can be served, and a bound on the weight that any point serves."""
        served = serve_by_prices(self._tasks, self._points, self._gpu_seconds, budget=budget)
        return [self.positions[at] for at in served.tasks], served.bound

    def bound(self, budget: float) -> float:
        """Return such a bound without serving anybody."""
        return bound_by_prices(self._tasks, self._points, self._gpu_seconds, budget=budget)
