"""Rounds of a run, and the run with one of them answered otherwise."""

from __future__ import annotations

import pytest

from experiments.cli import compose
from experiments.compare.met import meet, roll_out
from experiments.config.build import Setup, build

COMMON = ["workload.requests=25", "workload.rate=30", "workload.slo_scale=1.5", "workload=skewed"]


@pytest.fixture(scope="module")
def setup() -> Setup:
    """A short run under load."""
    return build(compose(["solver=highs", *COMMON]) | {"seed": 3})


def test_a_run_is_equal_when_it_is_made_again(setup: Setup) -> None:
    """Rounds and plans of two runs are equal, so that a round can be named by its number."""
    first, second = meet(setup), meet(setup)
    assert first.rounds == second.rounds
    assert [p.assignments for p in first.plans] == [p.assignments for p in second.plans]
    assert first.on_time == second.on_time > 0


def test_the_same_answer_leads_to_the_same_end(setup: Setup) -> None:
    """A round that is answered as the reference did changes nothing, wherever it is."""
    met = meet(setup)
    for number in (0, len(met.rounds) // 2, len(met.rounds) - 1):
        assert roll_out(setup, met.plans[:number], met.plans[number].assignments) == met.on_time


def test_another_answer_comes_first_and_the_reference_after(setup: Setup) -> None:
    """An empty plan for the first round delays the first request by a horizon; what follows is planned for that."""
    met = meet(setup)
    assert met.plans[0].assignments
    assert roll_out(setup, (), ()) <= met.on_time
    assert roll_out(setup, met.plans, ()) == met.on_time
