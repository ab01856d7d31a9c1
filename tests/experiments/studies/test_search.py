"""The search for the largest load, or the fewest GPUs: on functions whose answer is known."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.studies.search import Capacity, Search, fewest, most

ALLOWED = (1, 2, 3, 4, 6, 8, 12, 16, 32, 64)


def run(search: Search, attained: Callable[[float, int], float]) -> tuple[Capacity, int]:
    """Answer a search by a function of value and seed; return what it found, and how many runs it asked for."""
    runs = 0
    ask = next(search)
    while True:
        runs += ask.seeds
        try:
            ask = search.send({seed: attained(ask.value, seed) for seed in range(ask.seeds)})
        except StopIteration as stop:
            return stop.value, runs


@given(octaves=st.floats(-9.5, 7.9), step=st.floats(1.005, 1.5), start=st.floats(1.0, 60.0))
def test_the_largest_load_is_found_to_a_step(octaves: float, step: float, start: float) -> None:
    """Whatever the start, the target holds at the answer, and no longer a step further; eight octaves down is the end."""
    limit = start * 2.0**octaves
    found, _ = run(most(start, 0.9, 5, step), lambda value, seed: 1.0 if value <= limit else 0.5)
    if octaves < -8:
        assert math.isnan(found.value)
    else:
        assert found.value <= limit < found.value * step * (1 + 1e-9)
        assert found.low == found.high and found.value <= found.low < found.value * step * (1 + 1e-9)


@given(st.floats(0.5, 70.0), st.sampled_from(ALLOWED))
def test_the_fewest_are_found_exactly(needed: float, start: int) -> None:
    """The answer is the first of the allowed numbers at which the target holds, or none."""
    found, _ = run(fewest(start, 0.9, 5, ALLOWED), lambda value, seed: float(value >= needed))
    assert found.value == next((n for n in ALLOWED if n >= needed), None) or (
        math.isnan(found.value) and needed > max(ALLOWED)
    )


def test_seeds_are_spent_where_they_are_needed() -> None:
    """Far from the target three seeds are enough; near it all are used, and the interval says what they leave open."""

    def attained(value: float, seed: int) -> float:
        return 1.0 - value / 100.0 + 0.005 * (-1) ** seed * (1 + seed / 10)

    found, _ = run(most(5.0, 0.9, 10, 1.02), attained)
    assert min(probe.seeds for probe in found.probes) == 3 and max(probe.seeds for probe in found.probes) == 10
    assert found.low < found.value < found.high
    assert found.value == pytest.approx(10.0, rel=0.05)


def test_a_target_that_always_or_never_holds_ends_the_search() -> None:
    """Without a limit, the last value that was tried is returned, and its end is open; without a value, none is."""
    always, _ = run(most(10.0, 0.9, 3, 1.02), lambda value, seed: 1.0)
    assert always.value == 10.0 * 2**8 and math.isinf(always.high)
    never, runs = run(most(10.0, 0.9, 3, 1.02), lambda value, seed: 0.0)
    assert math.isnan(never.value) and never.low == 0.0 and runs == 9 * 3
