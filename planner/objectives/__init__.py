"""What a plan is worth: rewards of outcomes. Shipped objectives, sums of them, and a user's own from a file."""

from planner.objectives.combine import Level, Lexicographic, Term, Weighted
from planner.objectives.load import load_objective
from planner.objectives.protocol import Objective, ObjectiveError, rewards_of
from planner.objectives.shipped import Fairness, GpuSeconds, OnTime, Progress, Survivors, Tardiness

__all__ = [
    "Fairness",
    "GpuSeconds",
    "Level",
    "Lexicographic",
    "Objective",
    "ObjectiveError",
    "OnTime",
    "Progress",
    "Survivors",
    "Tardiness",
    "Term",
    "Weighted",
    "load_objective",
    "rewards_of",
]
