"""The measurement of budgets: rounds that are hard, tables that hold what was measured, and what is written."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from experiments.studies.budgets import TimedDecision, budget_table, main, summary_table
from experiments.studies.calibration import calibration
from experiments.studies.hard_rounds import hard_round
from planner.objectives import OnTime
from planner.programs.lookahead import Lookahead


@pytest.mark.parametrize(("jobs", "gpus"), [(8, 8), (16, 8), (64, 64)])
def test_rounds_are_hard(jobs: int, gpus: int) -> None:
    """Tests that every job of a round can be on time alone, and that a bound proves that not all can be together."""
    round_ = hard_round(jobs, gpus, 0, "events")
    assert len(round_.jobs) == jobs
    assert not any(round_.hopeless(job) for job in round_.jobs)
    rough = Lookahead(detail=0).rough(round_, OnTime(), 1.0)
    assert rough is not None
    assert rough.bound < jobs
    assert hard_round(jobs, gpus, 0, "events").jobs == round_.jobs


def test_tables_show_the_worst_of_the_objectives() -> None:
    """Tests both tables on decisions with known times."""
    decisions = [
        TimedDecision("highs", "lookahead", objective, jobs, gpus, 0, 0.01, seconds, objective == "cost", True)
        for jobs, gpus in ((8, 8), (16, 8), (32, 8), (64, 8), (64, 64))
        for objective, seconds in (("on_time", 0.005), ("cost", 0.012))
    ]
    table = budget_table(decisions)
    assert table[1] == ["highs", "lookahead", "on_time", "10", *["0.50"] * 5, "0%", "100%"]
    assert table[2] == ["highs", "lookahead", "cost", "10", *["1.20"] * 5, "100%", "100%"]
    assert summary_table(decisions)[1:] == [["highs", "lookahead", "10", *["1.20"] * 5, "50%", "100%"]]


def test_results_are_written(tmp_path: Path) -> None:
    """Tests the command: tables, decisions and manifest, and that the plans do not depend on when it runs."""
    command = ["--solver", "highs", "--program", "assignment", "--objective", "on_time", "--seeds", "2"]
    for name in ("first", "second"):
        assert main([*command, "--output", str(tmp_path / name)]) == 0
    first, second = (list(csv.DictReader((tmp_path / name / "decisions.csv").open())) for name in ("first", "second"))
    assert len(first) == 10
    assert [row | {"seconds": ""} for row in first] == [row | {"seconds": ""} for row in second]
    assert json.loads((tmp_path / "first" / "manifest.json").read_text())["config"]["budgets_ms"] == {"highs": 10.0}
    assert (tmp_path / "first" / "table.md").read_text().count("\n") == 3


def test_calibration_names_every_piece_of_work() -> None:
    """Tests that each solver's work is in the table, with positive times over modelled ones."""
    table = calibration(1)
    for solver in ("lookahead", "assignment", "highs", "cpsat", "scip", "cbc", "pulp-highs", "prices"):
        assert any(row[0].startswith(f"{solver}:") for row in table)
    assert all(float(row[2]) >= 0 for row in table[1:])
