"""What a solver of programs is, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from planner.effort import Cost, Size
from planner.outcomes import Floats
from planner.programs.linear import LinearProgram


class BackendError(RuntimeError):
    """A solver of programs cannot take a program, or failed on it."""


@dataclass(frozen=True, slots=True)
class Solution:
    """What a solver says of a program.

    Parameters
    ----------
    x
        The best point found, shape (n,), or None.
    bound
        Proven upper bound on the objective, or None.
    status
        ``"optimal"``: x is proven optimal. ``"feasible"``: x is the best found in the budget. ``"unknown"``: no point.
    build_seconds, solve_seconds
        Wall-clock time to hand the program over, and to solve it.
    """

    x: Floats | None
    bound: float | None
    status: Literal["optimal", "feasible", "unknown"]
    build_seconds: float
    solve_seconds: float


class Backend(Protocol):
    """Solves linear programs with integer variables."""

    @property
    def name(self) -> str:
        """For tables and certificates."""
        ...

    def solve(self, program: LinearProgram, budget: float) -> Solution:
        """Maximize within ``budget`` seconds.

        Raises
        ------
        BackendError
            If the program has something that this solver cannot take, or it fails.
        """
        ...


@runtime_checkable
class Measured(Protocol):
    """What a solver of programs may know besides: how much work it takes to bring any answer at all.

    A program that does not fit the budget is then not given to it, and not even built.
    """

    def least(self, size: Size) -> Cost:
        """Return the least work on a program of such a size."""
        ...
