from __future__ import annotations

import math

import pytest

from planner.cluster import Cluster
from planner.errors import ParameterError
from planner.plan import Assignment, Certificate, Plan


def test_gap() -> None:
    """Tests the gap: relative to the bound, never negative, absolute for small bounds, none without a bound."""
    assert Certificate("x", value=8.0, bound=10.0).gap == 0.2
    assert Certificate("x", value=10.0, bound=10.0 - 1e-12).gap == 0.0
    assert Certificate("x", value=0.0, bound=0.5).gap == 0.5
    assert Certificate("x", value=1.0).gap is None
    assert Certificate("x", bound=1.0).gap is None


def test_summary_says_who_runs_where() -> None:
    """Tests that the summary holds jobs, GPUs, value, bound, gap, time and the reason of a fallback."""
    group = Cluster.nvlink(4).groups(2)[1]
    certificate = Certificate("cpsat", "feasible", 3.0, 4.0, 0.001, 0.004, True, "out of time")
    lines = Plan((Assignment((4, 11), group, 7),), certificate).summary().splitlines()
    assert lines[1].split() == ["4+11", "2", "2,3", "7"]
    assert lines[-1] == "cpsat: feasible, value 3, bound 4, gap 25.00%, 5.00 ms, fallback (out of time)"


def test_summary_of_an_empty_plan() -> None:
    """Tests that a plan without assignments and claims has a heading and a verdict."""
    assert len(Plan((), Certificate("dp")).summary().splitlines()) == 2


ONE = Cluster.nvlink(4).groups(1)[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0], ONE, 1), r"^assignment: jobs is \[0\]; a tuple of request ids"),
        (((), ONE, 1), r"^assignment: jobs is \(\);"),
        (((True,), ONE, 1), r"^assignment: jobs is \(True,\);"),
        (((0, 0), ONE, 1), r"^assignment: jobs is \(0, 0\); each request may be named once"),
        (((0,), (0,), 1), r"jobs \(0,\): group is \(0,\); a Group"),
        (((0,), ONE, 0), r"jobs \(0,\): steps is 0; a whole number"),
        (((0,), ONE, 2.0), r"steps is 2\.0;"),
        (((0,), ONE, True), r"steps is True;"),
    ],
)
def test_impossible_assignments_are_refused(arguments: tuple[object, ...], message: str) -> None:
    """Tests that an assignment is refused with its field and value when it is made."""
    with pytest.raises(ParameterError, match=message):
        Assignment(*arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", "best"),
        ("value", math.nan),
        ("value", "3"),
        ("bound", math.inf),
        ("build_seconds", -1.0),
        ("solve_seconds", math.nan),
        ("solve_seconds", None),
    ],
)
def test_impossible_certificates_are_refused(field: str, value: object) -> None:
    """Tests that a certificate is refused with its field and value."""
    with pytest.raises(ParameterError, match=f"^certificate: {field} is {value!r};"):
        Certificate("x", **{field: value})  # type: ignore[arg-type]


def test_impossible_plans_are_refused() -> None:
    """Tests that a plan is made of a tuple of assignments and a certificate."""
    with pytest.raises(ParameterError, match=r"^plan: assignments is \[\]; a tuple of Assignment"):
        Plan([], Certificate("x"))  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match=r"^plan: certificate is None; a Certificate"):
        Plan((), None)  # type: ignore[arg-type]
