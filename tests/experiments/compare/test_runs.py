"""What a comparison of runs decides by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from experiments.compare.runs import Contest, telling_policies
from experiments.studies.grid import Policy, Result, cells, run_all
from experiments.studies.jobs import Jobs

POLICIES = (
    Policy("greedy", ("solver=dp",)),
    Policy("one", ("solver=fixed", "solver.degree=1")),
    Policy("edf", ("solver=edf",)),
)


@pytest.fixture(scope="module")
def results() -> list[Result]:
    """One run of each."""
    return run_all(cells([], ["workload.requests=12"]), POLICIES, range(1), jobs=Jobs(1))


def test_timelines_are_of_the_reference_and_the_best_other(results: list[Result]) -> None:
    """Without names it is the reference above the best of the others; names stand as given."""
    comparison = Contest(cells([]), POLICIES, range(1), "one")
    sars = {result.policy: result.summary.sar for result in results}
    best = max(("greedy", "edf"), key=lambda name: sars[name])
    assert telling_policies(comparison, results) == ["one", best]
    assert telling_policies(replace(comparison, timelines=("edf", "greedy")), results) == ["edf", "greedy"]
    assert telling_policies(replace(comparison, timelines=()), results) == []
