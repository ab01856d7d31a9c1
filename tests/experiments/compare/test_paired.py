"""Paired differences."""

from __future__ import annotations

from dataclasses import replace

import pytest

from executor.records import Records
from experiments.compare.paired import difference_table
from experiments.results import Summary, summarize
from experiments.studies.grid import Policy, Result
from planner.cluster import Cluster


def results(sars: dict[tuple[str, str, int], float]) -> list[Result]:
    """Make results with given SARs."""
    empty: Summary = summarize(Records(()), Cluster.nvlink(8))
    return [Result(cell, policy, seed, replace(empty, weighted_sar=sar)) for (policy, cell, seed), sar in sars.items()]


POLICIES = [Policy("a", ()), Policy("b", ())]


def test_counts_wins_ties_and_losses_and_averages_by_seed() -> None:
    """With gains 0.2, 0.0 | 0.1, -0.1 the mean is 0.05, its interval that of the seeds' means 0.1 and 0."""
    a = {("a", cell, seed): 0.5 for cell in "xy" for seed in (0, 1)}
    b = {("b", "x", 0): 0.7, ("b", "y", 0): 0.5, ("b", "x", 1): 0.6, ("b", "y", 1): 0.4}
    head, row = difference_table(results({**a, **b}), POLICIES, "a")
    assert head[0] == "less a"
    assert row[0] == "b" and row[1] == "+0.0500"
    assert float(row[2]) == pytest.approx(12.706 * 0.05, rel=1e-3)
    assert row[3:] == ["2", "1", "1"]


def test_unknown_reference_is_refused() -> None:
    """A reference that is no policy is named with those that are."""
    with pytest.raises(ValueError, match=r"'c'.*a, b"):
        difference_table(results({("a", "x", 0): 0.5, ("b", "x", 0): 0.5}), POLICIES, "c")
