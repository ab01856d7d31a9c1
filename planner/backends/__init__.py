"""Solvers of programs: each takes a :class:`planner.programs.linear.LinearProgram` and returns an :class:`Solution`."""

from planner.backends.protocol import Backend, BackendError, Solution

__all__ = ["Backend", "BackendError", "Solution"]
