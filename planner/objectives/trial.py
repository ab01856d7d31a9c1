"""A trial of an objective on a small example, before it is asked in earnest."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from planner.objectives.protocol import Objective, ObjectiveError, name_of, rewards_of
from planner.outcomes import Outcomes


def try_out(objective: Objective) -> None:
    """Ask an objective for its rewards on the example, for something else, and on the example again.

    Raises
    ------
    ObjectiveError
        If rewards are wrong (:func:`planner.objectives.protocol.rewards_of`), or not the same the second time: then it
        keeps state or draws at random, and a plan would depend on how often it was asked.
    """
    if not callable(getattr(objective, "rewards", None)):
        raise ObjectiveError(f"objective {objective!r:.60}: it has no method rewards(outcomes), which is needed")
    outcomes = example()
    first = rewards_of(objective, outcomes)
    rewards_of(
        objective, replace(outcomes, **{field.name: getattr(outcomes, field.name)[:4] for field in fields(outcomes)})
    )
    again = rewards_of(objective, outcomes)
    if not np.array_equal(first, again):
        row = int(np.flatnonzero(first != again)[0])
        raise ObjectiveError(
            f"objective {name_of(objective)}: rewards() returned {first[row]:g} for outcome {row} of the example, and "
            f"{again[row]:g} when asked again; equal outcomes need equal rewards: keep no state, draw nothing at random"
        )


def example() -> Outcomes:
    """Outcomes of three jobs (one finishing, one with slack, one late) with two options each, to try an objective on."""
    return Outcomes(
        job=np.array([0, 0, 3, 3, 7, 7]),
        degree=np.array([0, 2, 0, 8, 0, 1]),
        steps=np.array([0, 5, 0, 3, 0, 1]),
        steps_left=np.array([5, 0, 40, 37, 50, 49]),
        gpu_seconds=np.array([0.0, 0.5, 0.0, 2.6, 0.0, 0.7]),
        fastest_step=np.array([0.03, 0.03, 0.108, 0.108, 0.108, 0.108]),
        lateness=np.array([-1.0, -1.2, -0.2, -0.1, 2.0, 2.2]),
        survives=np.array([True, True, True, True, False, False]),
        finishes=np.array([False, True, False, False, False, False]),
        moved=np.array([False, True, False, False, False, False]),
        weight=np.array([1.0, 1.0, 2.0, 2.0, 1.0, 1.0]),
        waited=np.array([0.5, 0.5, 1.0, 1.0, 4.0, 4.0]),
        due_in=np.array([1.2, 1.2, 4.5, 4.5, 3.4, 3.4]),
        pixels=np.array([262144, 262144, 4194304, 4194304, 4194304, 4194304]),
    )
