"""What a plan is worth: rewards of outcomes. Shipped objectives, sums of them, and a user's own from a file."""

from planner.objectives.combine import Level, Lexicographic, Term, Weighted
from planner.objectives.load import load_objective
from planner.objectives.protocol import Objective, ObjectiveError, rewards_of
from planner.objectives.shares import LeastShare, Shares
from planner.objectives.shipped import Fairness, GpuSeconds, Moves, OnTime, Progress, Survivors, Tardiness

__all__ = [
    "Fairness",
    "GpuSeconds",
    "LeastShare",
    "Level",
    "Lexicographic",
    "Moves",
    "Objective",
    "ObjectiveError",
    "OnTime",
    "Progress",
    "Shares",
    "Survivors",
    "Tardiness",
    "Term",
    "Weighted",
    "load_objective",
    "rewards_of",
]
