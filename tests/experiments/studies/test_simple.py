"""What is gained over the best simple rule, and by events over rounds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from executor.records import Records
from experiments.results import summarize
from experiments.studies.grid import Cell, Policy, Result
from experiments.studies.run_tables import grid_table
from experiments.studies.simple import best_simple, over_table
from planner.cluster import Cluster

GRID = (Cell("calm", ()), Cell("busy", ()))
POLICIES = (Policy("plan", ()), Policy("a", (), True), Policy("b", (), True), Policy("rounds", ()))
SARS = {
    ("calm", "plan"): (0.9, 0.8), ("calm", "a"): (0.8, 0.8), ("calm", "b"): (0.9, 0.6), ("calm", "rounds"): (0.95, 0.95),
    ("busy", "plan"): (0.7, 0.6), ("busy", "a"): (0.5, 0.4), ("busy", "b"): (0.4, 0.7), ("busy", "rounds"): (0.1, 0.1),
}  # fmt: skip
"""By cell and policy, of seeds 0 and 1."""


@pytest.fixture(scope="module")
def results() -> list[Result]:
    """Runs with the attainments of :data:`SARS`."""
    empty = summarize(Records(()), Cluster.nvlink(8))
    return [
        Result(cell, policy, seed, replace(empty, weighted_sar=sar))
        for (cell, policy), by_seed in SARS.items()
        for seed, sar in enumerate(by_seed)
    ]


def test_the_best_simple_rule_is_chosen_by_its_mean_in_each_cell(results: list[Result]) -> None:
    """Tests that only simple policies count, by their means: not by their best seed, and not the best of all."""
    assert best_simple(results, GRID, POLICIES) == {"calm": "a", "busy": "b"}
    assert best_simple(results, GRID, [policy for policy in POLICIES if not policy.simple]) == {}


def test_gains_are_paired(results: list[Result]) -> None:
    """Tests that differences are taken seed by seed, cell by cell, with what was won and lost, and then their mean."""
    table = over_table(results, GRID, "plan", {"calm": "a", "busy": "b"}, "gain")
    assert [row[:2] + row[3:] for row in table] == [
        ["cell", "gain", "wins", "ties", "losses", "less"],
        ["calm", "+0.0500", "1", "1", "0", "a"],
        ["busy", "+0.1000", "1", "0", "1", "b"],
        ["mean", "+0.0750", "2", "1", "1", "best of each"],
    ]
    half = 12.7062 * 0.125  # Student's t for one degree of freedom; the means by seed are .2 and -.05
    assert float(table[-1][2]) == pytest.approx(half, abs=1e-3)
    assert over_table(results, GRID, "plan", dict.fromkeys(("calm", "busy"), "a"), "gain")[-1][-1] == "a"


def test_grid_tables_have_the_best_simple_rule_beside_its_name(results: list[Result]) -> None:
    """Tests the two columns, and that below the mean is the mean of the best of each cell."""
    table = grid_table(results, GRID, POLICIES)
    assert table[0] == ["cell", "plan", "a", "b", "rounds", "best simple", "which"]
    assert [row[-2:] for row in table[1:]] == [["0.800", "a"], ["0.550", "b"], ["0.675", ""]]
    assert {len(row) for row in table} == {7}
    assert grid_table(results, GRID, POLICIES[:1])[0] == ["cell", "plan"]
