"""How many and how fine the schedules are that a plan is judged by."""

from __future__ import annotations

import math

from planner.programs.continuation import large, largest
from tests.strategies import round_of


def test_a_small_budget_makes_a_backlog_large_sooner() -> None:
    """With five milliseconds thirteen jobs on eight GPUs are a large backlog, twelve are not; with a second neither is."""
    round_ = round_of([])
    assert round_.cluster.gpus == 8
    assert [large(round_, count, largest(0.005)) for count in (12, 13)] == [False, True]
    assert not large(round_, 13, largest(1.0))
    assert largest(math.inf) == largest(10.0)
