"""Decide: requests, rounds, plans, objectives, programs and solvers."""

from planner.check import PlanError, check_plan
from planner.cluster import Cluster, Group
from planner.comparison import Answered, Comparison, compare
from planner.errors import ParameterError
from planner.job import Job
from planner.objectives import (
    Fairness,
    GpuSeconds,
    LeastShare,
    Level,
    Lexicographic,
    Moves,
    Objective,
    ObjectiveError,
    OnTime,
    Progress,
    Survivors,
    Tardiness,
    Term,
    Weighted,
    load_objective,
)
from planner.outcomes import Outcomes
from planner.plan import Assignment, Certificate, Plan
from planner.programs import AssignmentProgram, Lookahead
from planner.promise import Admission, Answer, ProtectionLevels
from planner.request import Request
from planner.round import Cadence, Round
from planner.solve import SOLVERS, solve
from planner.solvers.dp import GreedyDp
from planner.solvers.exact import Cbc, CpSat, Exact, Highs, Scip
from planner.solvers.fixed import Fixed, Rssp
from planner.solvers.moore import Moore
from planner.solvers.priority import Edf, Srtf
from planner.solvers.protocol import Solver

__all__ = [
    "SOLVERS",
    "Admission",
    "Answer",
    "Answered",
    "Assignment",
    "AssignmentProgram",
    "Cadence",
    "Cbc",
    "Certificate",
    "Cluster",
    "Comparison",
    "CpSat",
    "Edf",
    "Exact",
    "Fairness",
    "Fixed",
    "GpuSeconds",
    "GreedyDp",
    "Group",
    "Highs",
    "Job",
    "LeastShare",
    "Level",
    "Lexicographic",
    "Lookahead",
    "Moore",
    "Moves",
    "Objective",
    "ObjectiveError",
    "OnTime",
    "Outcomes",
    "ParameterError",
    "Plan",
    "PlanError",
    "Progress",
    "ProtectionLevels",
    "Request",
    "Round",
    "Rssp",
    "Scip",
    "Solver",
    "Srtf",
    "Survivors",
    "Tardiness",
    "Term",
    "Weighted",
    "check_plan",
    "compare",
    "load_objective",
    "solve",
]
