from __future__ import annotations

import math

import numpy as np
import pytest

from planner.cluster import Cluster
from planner.errors import ParameterError
from planner.job import Job
from planner.request import Request
from tests.strategies import SMALL

ONE = Cluster.nvlink(4).groups(1)[0]
GOOD: dict[str, object] = {"request": Request(3, SMALL, 10, 0.0, 5.0), "steps_left": 10, "due": 5.0, "ready": 0.0}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"request": 3}, "^job: request is 3; a Request"),
        ({"steps_left": 0}, "steps_left is 0; a whole number"),
        ({"steps_left": -3}, "steps_left is -3;"),
        ({"steps_left": 2.5}, r"steps_left is 2\.5;"),
        ({"steps_left": "10"}, "steps_left is '10';"),
        ({"steps_left": True}, "steps_left is True;"),
        ({"steps_left": 11}, "steps_left is 11; the request has 10 steps"),
        ({"due": math.nan}, "due is nan; a finite time"),
        ({"due": None}, "due is None;"),
        ({"due": math.inf}, "due is inf;"),
        ({"due": "5"}, "due is '5';"),
        ({"ready": -math.inf}, "ready is -inf;"),
        ({"ready": False}, "ready is False;"),
        ({"group": (0,)}, r"group is \(0,\); a Group"),
        ({"running": True}, "running is True; a job that runs has a group"),
        ({"running": 1, "group": ONE}, "running is 1; True or False"),
    ],
)
def test_impossible_jobs_are_refused(change: dict[str, object], message: str) -> None:
    """Tests that an impossible value is refused with the request's id, the field and the value."""
    with pytest.raises(ParameterError, match=message) as refusal:
        Job(**(GOOD | change))  # type: ignore[arg-type]
    assert "request" in change or str(refusal.value).startswith("job 3: ")


def test_numbers_of_other_types_are_times() -> None:
    """Tests that whole numbers and numpy's floats are times, too."""
    job = Job(**(GOOD | {"due": 5, "ready": np.float64(0.5), "group": ONE, "running": True}))  # type: ignore[arg-type]
    assert (job.due, job.ready) == (5, 0.5)
