"""Optimal schedules from the command line."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from experiments.studies.optimum import main


def test_command_writes_what_it_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command prints a row per size and writes every instance, none above its bound."""
    out = tmp_path / "out"
    assert main(["--requests", "1", "3", "--gpus", "4", "--seeds", "2", "--output", str(out)]) == 0
    rows = list(csv.DictReader((out / "proofs.csv").open()))
    assert [(row["requests"], row["seed"]) for row in rows] == [("1", "0"), ("1", "1"), ("3", "0"), ("3", "1")]
    assert all(float(row["value"]) <= float(row["bound"]) for row in rows)
    assert "2 of 2" in capsys.readouterr().out
    assert "| requests |" in (out / "table.md").read_text()


@pytest.mark.parametrize("wrong", [["--seeds", "0"], ["--time-limit", "-1"], ["--requests", "0"]])
def test_numbers_out_of_range_are_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A number that makes no sense is an error before anything is solved."""
    assert main(wrong) == 2
    assert "error: " in capsys.readouterr().err
