"""A request in flight, as a solver sees it when it plans."""

from __future__ import annotations

import math
from dataclasses import dataclass

from planner.cluster import Group
from planner.errors import ParameterError, finite, is_finite, whole
from planner.request import Request
from planner.setters import setters_of

_INFINITY = math.inf


@dataclass(frozen=True, slots=True, init=False)
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
    decode
        Seconds that a GPU of the last group is taken for the image after the last step; 0 where GPUs of the cluster do not
        decode.

    Raises
    ------
    ParameterError
        If a value is of another type, not finite or out of range. The message names the request and the field.
    """

    request: Request
    steps_left: int
    due: float
    ready: float
    group: Group | None = None
    running: bool = False
    decode: float = 0.0

    def __init__(
        self,
        request: Request,
        steps_left: int,
        due: float,
        ready: float,
        group: Group | None = None,
        running: bool = False,
        decode: float = 0.0,
    ) -> None:
        # Made anew at every decision: what is right passes by one comparison, and only what is not is looked at closely.
        _set_request(self, request)
        _set_steps_left(self, steps_left)
        _set_due(self, due)
        _set_ready(self, ready)
        _set_group(self, group)
        _set_running(self, running)
        _set_decode(self, decode)
        if (
            type(steps_left) is int
            and type(due) is float
            and type(ready) is float
            and -_INFINITY < due < _INFINITY
            and -_INFINITY < ready < _INFINITY
            and type(request) is Request
            and 0 < steps_left <= request.steps
            and (type(group) is Group or (group is None and not running))
            and type(running) is bool
            and type(decode) is float
            and 0.0 <= decode < _INFINITY
        ):
            return
        _refuse(self)

    @property
    def id(self) -> int:
        """The request's id."""
        return self.request.id


_set_request, _set_steps_left, _set_due, _set_ready, _set_group, _set_running, _set_decode = setters_of(Job)


def _refuse(job: Job) -> None:
    """Raise for the first field that is wrong; numbers of other types than ``float`` may be right."""
    if not isinstance(job.request, Request):
        raise ParameterError("request", job.request, "a Request is needed", "job")
    where = f"job {job.request.id}"
    whole("steps_left", job.steps_left, 1, where)
    if job.steps_left > job.request.steps:
        raise ParameterError("steps_left", job.steps_left, f"the request has {job.request.steps} steps", where)
    finite("due", job.due, "a finite time in seconds is needed", where)
    finite("ready", job.ready, "a finite time in seconds is needed", where)
    if job.group is not None and not isinstance(job.group, Group):
        raise ParameterError("group", job.group, "a Group of the cluster is needed, or None", where)
    if not isinstance(job.running, bool):
        raise ParameterError("running", job.running, "True or False is needed", where)
    if not (is_finite(job.decode) and job.decode >= 0):
        raise ParameterError("decode", job.decode, "a number of seconds of at least 0 is needed", where)
    if job.running and job.group is None:
        raise ParameterError("running", job.running, "a job that runs has a group; give it, or False", where)
