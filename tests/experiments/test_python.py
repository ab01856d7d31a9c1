"""A whole run from Python, from one import."""

from __future__ import annotations

import pytest

import experiments
from experiments.cli import compose
from experiments.config.build import build
from planner import Edf, Moore


def test_a_run_in_memory_is_that_of_the_command_line() -> None:
    """Overrides are those of the command line, and the summary is that of the records."""
    run = experiments.simulate("solver=edf", "workload.requests=20", "seed=3")
    assert run.summary.requests == len(run.records.requests) == 20
    assert run.records.requests == build(compose(["workload.requests=20", "seed=3"])).workload.requests
    assert {decision.solver for decision in run.records.decisions} == {"edf"}


def test_a_solver_may_be_an_object() -> None:
    """An object plans in place of the configured solver, and does what the configured one of its kind does."""
    given = experiments.simulate("workload.requests=20", solver=Moore())
    named = experiments.simulate("workload.requests=20", "solver=moore")
    assert given.summary.on_time == named.summary.on_time
    assert experiments.simulate("workload.requests=20", solver=Edf()).records.decisions[0].solver == "edf"


def test_mistakes_are_those_of_the_command_line() -> None:
    """A wrong value names its field."""
    with pytest.raises(ValueError, match=r"workload\.requests is 0"):
        experiments.simulate("workload.requests=0")
