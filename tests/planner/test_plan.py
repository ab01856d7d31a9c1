from __future__ import annotations

from planner.cluster import Cluster
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
