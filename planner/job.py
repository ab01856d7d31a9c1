"""A request in flight, as a solver sees it when it plans."""

from __future__ import annotations

from dataclasses import dataclass

from planner.cluster import Group
from planner.request import Request


@dataclass(frozen=True, slots=True)
class Job:
    """A live request at the moment of planning.

    Parameters
    ----------
    request
        What was asked for.
    steps_left
        Steps not yet begun; a step in progress counts as done, since it cannot be interrupted.
    due
        When the last step must end for the deadline to be met: the deadline less the time to decode.
    ready
        Since when, or from when on, its next step can begin; in the future only while a step is in progress.
    group
        The GPUs that hold its latent: those it runs on, or ran on last. None before its first step.
    running
        Whether a segment is in progress on ``group`` that goes on unless a plan says otherwise.
    """

    request: Request
    steps_left: int
    due: float
    ready: float
    group: Group | None = None
    running: bool = False

    @property
    def id(self) -> int:
        """The request's id."""
        return self.request.id
