"""What every program keeps."""

from __future__ import annotations

from typing import Any

from planner.backends.highs import HighsBackend
from planner.objectives.shipped import OnTime
from planner.solvers.exact import Exact
from planner.testing.rounds import ConformanceError, small_rounds
from planner.testing.solvers import check_solver

METHODS = ("check", "model", "measure", "rough")
BUDGET = 1.0


def check_program(program: Any) -> None:
    """Check that a program is one: its plans are legal and the same when asked again, its bounds hold, its start is feasible.

    Raises
    ------
    ConformanceError
        If it breaks a rule.
    """
    missing = [name for name in METHODS if not callable(getattr(program, name, None))]
    if missing or not isinstance(getattr(program, "looks_ahead", None), bool):
        raise ConformanceError(
            f"it lacks {', '.join([*missing, 'looks_ahead'] if missing else ['looks_ahead (bool)'])}; a program has "
            "looks_ahead, check, model, measure and rough, which a subclass of Lookahead or AssignmentProgram inherits"
        )
    solver = Exact(HighsBackend(), program, OnTime())
    for number, round_ in enumerate(small_rounds()):
        model = program.model(round_, OnTime(), solver.start.solve(round_, BUDGET).assignments)
        linear = model.linear
        if linear.size and linear.violation(linear.start) > 1e-6:
            raise ConformanceError(f"on example round {number}, the start of its program breaks a constraint")
    check_solver(solver, budget=BUDGET)
