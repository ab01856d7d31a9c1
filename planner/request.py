"""What a user asked for. A request never changes; what happens to it is kept in a :class:`planner.job.Job`."""

from __future__ import annotations

from dataclasses import dataclass

from planner.errors import ParameterError, finite, is_finite, whole
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
    ParameterError
        If a value is of another type, not finite or out of range. The message names the request and the field.
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
        whole("id", self.id, 0, "request")
        where = f"request {self.id}"
        if type(self.shape) is not Shape:
            raise ParameterError("shape", self.shape, "a Shape is needed, such as Shape(1024, 1024)", where)
        whole("steps", self.steps, 1, where)
        finite("arrival", self.arrival, "a time of at least 0 s is needed", where)
        if self.arrival < 0:
            raise ParameterError("arrival", self.arrival, "a time of at least 0 s is needed", where)
        if not (is_finite(self.deadline) and self.deadline > self.arrival):
            later = f"it is absolute, in seconds, and must be later than the arrival, {self.arrival}"
            raise ParameterError("deadline", self.deadline, later, where)
        if not (is_finite(self.weight) and self.weight > 0):
            raise ParameterError("weight", self.weight, "it must be positive and finite", where)
        for name in ("model", "tier"):
            if not isinstance(getattr(self, name), str):
                raise ParameterError(name, getattr(self, name), "a text is needed", where)
