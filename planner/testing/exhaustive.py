"""Every point of a tiny pure integer program, one by one: ground truth for tests, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter

import numpy as np

from planner.backends.protocol import BackendError, Solution
from planner.programs.linear import LinearProgram

_BLOCK = 1 << 14
_PRODUCTS_PER_SECOND = 2e7
"""Coefficients that are multiplied in a second, about: what a budget pays for is counted, not timed."""


@dataclass(frozen=True)
class ExhaustiveBackend:
    """Tries all points.

    Parameters
    ----------
    limit
        Points that a program may have at most.
    """

    limit: int = 1 << 22
    name: str = "exhaustive"

    def solve(self, program: LinearProgram, budget: float) -> Solution:
        """Maximize; of equal points the first in lexicographic order is taken. ``budget`` limits the points."""
        began = perf_counter()
        if not program.integer.all():
            raise BackendError("exhaustive search takes integer programs only; this program has continuous variables")
        lower = np.ceil(program.lower - 1e-9)
        counts = (np.floor(program.upper + 1e-9) - lower + 1).astype(np.int64)
        if (counts < 1).any():
            raise BackendError("the program is infeasible: a variable has no whole number within its bounds")
        total = float(np.prod(counts.astype(np.float64)))
        if total > self.limit:
            raise BackendError(f"the program has {total:.3g} points; exhaustive search takes at most {self.limit}")
        matrix = np.zeros((program.rows, program.size))
        rows = np.repeat(np.arange(program.rows), np.diff(program.row_starts))
        np.add.at(matrix, (rows, program.columns), program.coefficients)
        best, most = None, -np.inf
        strides = np.concatenate([np.cumprod(counts[::-1])[::-1][1:], [1]])
        complete = True
        allowed = max(_BLOCK, int(budget * _PRODUCTS_PER_SECOND / (program.size * max(1, program.rows))))
        for first in range(0, int(total), _BLOCK):
            if first >= allowed:
                complete = False
                break
            index = np.arange(first, min(first + _BLOCK, int(total)))
            points = lower + index[:, None] // strides % counts
            legal = (points @ matrix.T <= program.capacity + 1e-9).all(axis=1)
            values = np.where(legal, points @ program.rewards, -np.inf)
            at = int(np.argmax(values))
            if values[at] > most:
                best, most = points[at], float(values[at])
        seconds = perf_counter() - began
        if best is None:
            if complete:
                raise BackendError("the program is infeasible: no point satisfies all rows")
            return Solution(None, None, "unknown", 0.0, seconds)
        if not complete:
            return Solution(best, None, "feasible", 0.0, seconds)
        return Solution(best, most, "optimal", 0.0, seconds)
