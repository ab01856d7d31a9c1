"""What a user asked for. A request never changes; what happens to it is kept in a :class:`planner.job.Job`."""

from __future__ import annotations

import math
from dataclasses import dataclass

from profiles.shape import Shape


@dataclass(frozen=True, slots=True)
class Request:
    """One image or video that a user asked for.

    Parameters
    ----------
    id
        Unique within a workload, from 0; ties in time are broken by it.
    shape
        Height, width and frames.
    steps
        Denoising steps, at least 1.
    arrival, deadline
        Seconds since the start of the run. The deadline is absolute.
    weight
        What meeting the deadline is worth, relative to other requests.
    model
        The name of the model that must serve it; informative in a run with one model.
    tier
        The class of service that it belongs to; informative, for figures by tier.

    Raises
    ------
    ValueError
        If a value is not finite or out of range. The message names the request and the field.
    """

    id: int
    shape: Shape
    steps: int
    arrival: float
    deadline: float
    weight: float = 1.0
    model: str = ""
    tier: str = ""

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"request {self.id}: steps is {self.steps}; at least 1 is needed")
        if not (math.isfinite(self.arrival) and self.arrival >= 0):
            raise ValueError(f"request {self.id}: arrival is {self.arrival}; a time of at least 0 s is needed")
        if not (math.isfinite(self.deadline) and self.deadline > self.arrival):
            raise ValueError(
                f"request {self.id}: deadline is {self.deadline}, arrival {self.arrival}; "
                "the deadline is absolute, in seconds, and must be later than the arrival"
            )
        if not (math.isfinite(self.weight) and self.weight > 0):
            raise ValueError(f"request {self.id}: weight is {self.weight}; it must be positive and finite")
