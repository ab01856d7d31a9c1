"""What every solver of programs keeps."""

from __future__ import annotations

from typing import Any

import numpy as np

from planner.programs.linear import LinearProgram
from planner.testing.exhaustive import ExhaustiveBackend
from planner.testing.rounds import ConformanceError

PROGRAMS = 12
BUDGET = 1.0


def check_backend(backend: Any) -> None:
    """Check that a backend solves programs: feasible points, true bounds, the optimum of programs with a handful of points.

    Raises
    ------
    ConformanceError
        If it breaks a rule.
    """
    if not isinstance(getattr(backend, "name", None), str) or not callable(getattr(backend, "solve", None)):
        raise ConformanceError("it needs a name (str) and a method solve(program, budget)")
    for seed in range(PROGRAMS):
        program = _draw(seed)
        optimum = ExhaustiveBackend().solve(program, 60.0)
        assert optimum.x is not None
        best = program.value(optimum.x)
        answer = backend.solve(program, BUDGET)
        where = f"on example program {seed}"
        if answer.x is not None and program.violation(np.asarray(answer.x, dtype=float)) > 1e-6:
            raise ConformanceError(f"{where}, its point breaks a constraint by {program.violation(answer.x):g}")
        if answer.bound is not None and answer.bound < best - 1e-6:
            raise ConformanceError(f"{where}, its bound {answer.bound:g} is below the optimum {best:g}")
        if answer.x is None or program.value(answer.x) < best - 1e-6:
            raise ConformanceError(f"{where}, it misses the optimum {best:g} with a second for a handful of points")


def _draw(seed: int) -> LinearProgram:
    """Draw a program of up to five whole variables and three rows; zero is feasible."""
    random = np.random.default_rng(seed)
    n, m = int(random.integers(1, 6)), int(random.integers(1, 4))
    return LinearProgram(
        rewards=random.integers(-2, 6, n).astype(float),
        row_starts=np.arange(m + 1) * n,
        columns=np.tile(np.arange(n), m),
        coefficients=random.integers(0, 4, n * m).astype(float),
        capacity=random.integers(0, 7, m).astype(float),
        lower=np.zeros(n),
        upper=random.integers(1, 4, n).astype(float),
        integer=np.ones(n, dtype=bool),
        start=np.zeros(n),
    )
