"""What is to be decided, in a form that every solver of programs takes."""

from planner.programs.assignment import AssignmentProgram
from planner.programs.linear import LinearProgram, ProgramModel
from planner.programs.lookahead import Lookahead

__all__ = ["AssignmentProgram", "LinearProgram", "Lookahead", "ProgramModel"]
