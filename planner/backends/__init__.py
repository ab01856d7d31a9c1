"""Solvers of programs: each takes a :class:`planner.programs.linear.LinearProgram` and returns an :class:`Answer`."""

from planner.backends.protocol import Answer, Backend, BackendError

__all__ = ["Answer", "Backend", "BackendError"]
