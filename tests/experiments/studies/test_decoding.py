"""Where images are decoded, and what that changes."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from experiments.studies.decoding import CELLS, PLACES, main


def test_images_are_gpu_time_on_groups_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Tests in a small run that every cell has a row for each place, and that only groups spend GPU time on images."""
    out = tmp_path / "out"
    assert main(["workload.requests=20", "--seeds", "1", "--jobs", "1", "--output", str(out)]) == 0
    rows = list(csv.DictReader((out / "runs.csv").open()))
    assert [(row["cell"], row["decode"]) for row in rows] == [(c.label, p.name) for c in CELLS for p in PLACES]
    table = [[field.strip() for field in line.split("|")[1:-1]] for line in (out / "table.md").read_text().splitlines()]
    assert all((float(row[5]) > 0) == (row[1] == "group") for row in table[2:])
    assert "of it images" in capsys.readouterr().out
