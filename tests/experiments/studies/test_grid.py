"""Runs over policies, cells and seeds."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from experiments.studies.grid import PAPER_GRID, Cell, Policy, Spread, cells, run_all
from experiments.studies.jobs import Jobs
from experiments.studies.journal import Journal

SMALL = ("workload.requests=12",)


def test_cells_are_all_combinations() -> None:
    """The paper's grid has 2 x 2 x 4 cells with distinct labels; no axis gives one cell."""
    grid = cells(PAPER_GRID)
    assert len({cell.label for cell in grid}) == len(grid) == 16
    assert [cell.overrides for cell in cells([], SMALL)] == [SMALL]


def test_titles_say_what_numbers_are() -> None:
    """In pictures a cell's name has words beside its numbers, and one of a user's own is its label."""
    assert (cells(PAPER_GRID)[1].label, cells(PAPER_GRID)[1].title) == ("uniform 12 1.1", "uniform, 12/min, scale 1.1")
    assert cells([["cluster.gpus=4", "cluster.gpus=8"], ["workload.cv=2"]])[1].title == "8 GPUs, cv 2"
    assert cells([], ("workload=skewed", "workload.rate=6"))[0].title == "skewed, 6/min"
    assert Cell("mine", ()).title == "mine"


def test_results_are_paired_and_do_not_depend_on_processes() -> None:
    """Two policies see the same requests for a seed, and the results are those of a single process."""
    policies = [Policy("a", ("solver=edf",)), Policy("b", ("solver=dp",)), Policy("c", ("solver=edf",))]
    alone = run_all(cells([], SMALL), policies, [0, 1], jobs=Jobs(1))
    spread = run_all(cells([], SMALL), policies, [0, 1], jobs=Jobs(2))
    key = [
        (result.cell, result.policy, result.seed, result.summary.sar, result.summary.gpu_seconds) for result in alone
    ]
    assert key == [(r.cell, r.policy, r.seed, r.summary.sar, r.summary.gpu_seconds) for r in spread]
    assert [r.summary.gpu_seconds for r in alone[:2]] == [r.summary.gpu_seconds for r in alone[4:]]


def test_refuses_before_the_first_run(tmp_path: Path) -> None:
    """A policy that cannot run is refused before any run has begun."""
    journal = Journal(tmp_path / "finished.jsonl")
    policies = [Policy("good", ("solver=edf",)), Policy("bad", ("solver=fixed", "solver.degree=16"))]
    with pytest.raises(ValueError, match=r"solver\.degree is 16"):
        run_all(cells([], SMALL), policies, [0], jobs=Jobs(1, journal=journal))
    assert len(journal) == 0


def test_spread_is_students_interval() -> None:
    """Five values with deviation s have half width 2.776 s / sqrt(5); one value has none."""
    spread = Spread.of([1.0, 2.0, 3.0, 4.0, 5.0])
    assert spread.mean == 3.0
    assert spread.half_width == pytest.approx(2.7764 * math.sqrt(2.5) / math.sqrt(5), rel=1e-4)
    assert math.isnan(Spread.of([1.0]).half_width)
    assert (spread.half(2), Spread.of([1.0]).half(2)) == ("1.96", "-")
