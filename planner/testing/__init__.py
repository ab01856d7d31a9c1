"""What every solver, program, objective and backend must keep, as checks for those of your own.

>>> from planner import Edf
>>> from planner.testing import check_solver
>>> check_solver(Edf())

Each check raises a :class:`ConformanceError` that names the rule; the project's own classes are tested by the same.
"""

from planner.objectives.trial import try_out as check_objective
from planner.testing.backends import check_backend
from planner.testing.programs import check_program
from planner.testing.rounds import ConformanceError, small_rounds
from planner.testing.solvers import check_solver

__all__ = ["ConformanceError", "check_backend", "check_objective", "check_program", "check_solver", "small_rounds"]
