from __future__ import annotations

import math

import pytest

from planner.errors import ParameterError
from planner.request import Request
from tests.strategies import SMALL


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", -1),
        ("id", 1.0),
        ("shape", None),
        ("steps", 0),
        ("steps", 2.5),
        ("steps", "10"),
        ("steps", True),
        ("arrival", None),
        ("arrival", -1.0),
        ("arrival", math.nan),
        ("arrival", math.inf),
        ("deadline", 1.0),
        ("deadline", math.nan),
        ("deadline", math.inf),
        ("deadline", "2"),
        ("weight", 0.0),
        ("weight", "1"),
        ("model", None),
        ("tier", 1),
        ("weight", math.nan),
        ("weight", math.inf),
    ],
)
def test_impossible_requests_are_refused(field: str, value: object) -> None:
    """Tests that an impossible value is refused with the request's id, the field and the value."""
    good: dict[str, object] = {"id": 7, "shape": SMALL, "steps": 5, "arrival": 1.0, "deadline": 2.0, "weight": 1.0}
    Request(**good)  # type: ignore[arg-type]
    who = "request" if field == "id" else "request 7"
    with pytest.raises(ParameterError, match=f"^{who}: {field} is {value!r};"):
        Request(**(good | {field: value}))  # type: ignore[arg-type]
