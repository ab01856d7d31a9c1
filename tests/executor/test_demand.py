"""What requests have asked for of late: a steady load is found, a past one forgotten, whatever the unit of time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executor.demand import MEMORY, Demand


@given(st.floats(0.1, 5.0), st.floats(0.01, 100.0), st.integers(1, 64))
def test_a_steady_load_is_found(load: float, span: float, gpus: int) -> None:
    """Tests forty requests in every span of time that together ask for a share of all GPU time: from the start to the end."""
    demand, gap = Demand(gpus), span / 40
    for at in range(40 * 30):
        demand.add(at * gap, load * gpus * gap, span)
        if at * gap >= MEMORY * span / 2:
            assert demand.at(at * gap) == pytest.approx(load, rel=0.05)


def test_what_was_asked_for_fades() -> None:
    """Tests that nothing is asked for before the first request, much in a burst, and next to nothing long after it."""
    demand = Demand(8)
    assert demand.at(3.0) == 0.0
    for _ in range(10):
        demand.add(3.0, 8.0, 2.0)
    assert demand.at(3.0) > demand.at(10.0) > demand.at(60.0) > 0.0
    assert demand.at(300.0) < 1e-5


def test_requests_without_time_are_no_error() -> None:
    """Tests a request that comes after its deadline, alone and before others."""
    demand = Demand(1)
    demand.add(0.0, 1.0, -2.0)
    assert demand.at(1.0) == 0.0
    demand.add(1.0, 1.0, 2.0)
    assert demand.at(1.0) > 0.0
