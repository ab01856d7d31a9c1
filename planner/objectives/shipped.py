"""The objectives that come with the laboratory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.outcomes import Floats, Outcomes


@dataclass(frozen=True, slots=True)
class Survivors:
    """Jobs that can still meet their deadline after the round (paper, section 4.2, stage 2)."""

    def rewards(self, outcomes: Outcomes) -> Floats:
        """1 for every option after which the job survives."""
        return outcomes.survives.astype(np.float64)


@dataclass(frozen=True, slots=True)
class OnTime:
    """Weighted completions on time: survivors, each worth its request's weight."""

    def rewards(self, outcomes: Outcomes) -> Floats:
        """The weight of every job that survives."""
        return outcomes.weight * outcomes.survives


@dataclass(frozen=True, slots=True)
class GpuSeconds:
    """The GPU-seconds used, as a price: fewer are better."""

    def rewards(self, outcomes: Outcomes) -> Floats:
        """Minus the GPU-seconds."""
        return -outcomes.gpu_seconds


@dataclass(frozen=True, slots=True)
class Moves:
    """Moves to other GPUs, as a price: a job that goes on where its latent is pays nothing."""

    def rewards(self, outcomes: Outcomes) -> Floats:
        """Minus one for every move."""
        return -outcomes.moved.astype(np.float64)


@dataclass(frozen=True, slots=True)
class Tardiness:
    """Weighted seconds past the deadline, at best, as a price."""

    def rewards(self, outcomes: Outcomes) -> Floats:
        """Minus weight times lateness where the job is late."""
        return -outcomes.weight * np.maximum(outcomes.lateness, 0.0)


@dataclass(frozen=True, slots=True)
class Progress:
    """Work done towards the deadline, urgent jobs first.

    An option that shortens the least remaining time by x seconds earns ``x / max(slack, floor)``, where slack is
    what the
    job can still afford to wait: the density that minimum-slack-first orders by. Late jobs earn a thousandth of their
    progress per second, so that they run on GPUs that nobody else needs.

    Parameters
    ----------
    floor
        Least slack in seconds, which bounds the reward of a job without slack.
    """

    floor: float = 0.1

    def rewards(self, outcomes: Outcomes) -> Floats:
        """Seconds of progress over slack."""
        left = (outcomes.steps + outcomes.steps_left) * outcomes.fastest_step
        slack = outcomes.due_in - left
        done = outcomes.steps * outcomes.fastest_step
        return np.where(slack >= 0, done / np.maximum(slack, self.floor), 1e-3 * done)


@dataclass(frozen=True, slots=True)
class Fairness:
    """Survivors, where each resolution counts the same however many requests it has in flight.

    A job is worth one over the number of live jobs of its resolution, so that a crowd of small images does not
    outvote a single large one.
    """

    def rewards(self, outcomes: Outcomes) -> Floats:
        """``survives / count of live jobs with the same pixels``."""
        waits = outcomes.degree == 0
        kinds, counts = np.unique(outcomes.pixels[waits], return_counts=True)
        share = 1.0 / counts[np.searchsorted(kinds, outcomes.pixels)]
        return outcomes.survives * share
