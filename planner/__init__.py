"""Decide: requests, rounds, plans, objectives, programs and solvers."""

from planner.check import PlanError, check_plan
from planner.cluster import Cluster, Group
from planner.comparison import Answered, Comparison, compare
from planner.job import Job
from planner.plan import Assignment, Certificate, Plan
from planner.programs.lookahead import Lookahead
from planner.request import Request
from planner.round import Cadence, Round
from planner.solvers.dp import GreedyDp
from planner.solvers.exact import CpSat, Exact, Highs
from planner.solvers.fixed import Fixed, Rssp
from planner.solvers.moore import Moore
from planner.solvers.priority import Edf, Srtf
from planner.solvers.protocol import Solver

__all__ = [
    "Answered",
    "Assignment",
    "Cadence",
    "Certificate",
    "Cluster",
    "Comparison",
    "CpSat",
    "Edf",
    "Exact",
    "Fixed",
    "GreedyDp",
    "Group",
    "Highs",
    "Job",
    "Lookahead",
    "Moore",
    "Plan",
    "PlanError",
    "Request",
    "Round",
    "Rssp",
    "Solver",
    "Srtf",
    "check_plan",
    "compare",
]
