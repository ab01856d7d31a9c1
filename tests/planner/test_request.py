from __future__ import annotations

import math

import pytest

from planner.request import Request
from tests.strategies import SMALL


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("steps", 0),
        ("arrival", -1.0),
        ("arrival", math.nan),
        ("arrival", math.inf),
        ("deadline", 1.0),
        ("deadline", math.nan),
        ("deadline", math.inf),
        ("weight", 0.0),
        ("weight", math.nan),
        ("weight", math.inf),
    ],
)
def test_impossible_requests_are_refused(field: str, value: float) -> None:
    """Tests that an impossible value is refused with the request's id, the field and the value."""
    good: dict[str, float] = {"steps": 5, "arrival": 1.0, "deadline": 2.0, "weight": 1.0}
    Request(7, SMALL, **good)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=f"request 7: {field} is {value}"):
        Request(7, SMALL, **(good | {field: value}))  # type: ignore[arg-type]
