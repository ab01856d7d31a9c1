"""What a price per GPU-second changes in a run."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import pytest

from experiments.studies.prices import CELLS, PRICES, PROGRAMS, main


def test_gpu_seconds_fall_with_the_price(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Tests in a small run that GPU-seconds never rise with the price, fall over all, and price 0 is no price."""
    out = tmp_path / "out"
    assert main(["workload.requests=40", "--seeds", "1", "--jobs", "1", "--output", str(out)]) == 0
    used: dict[tuple[str, str], dict[str, tuple[str, float]]] = defaultdict(dict)
    for row in csv.DictReader((out / "runs.csv").open()):
        name, price = row["policy"].rsplit(", ", 1)
        used[row["cell"], name][price] = (row["sar"], float(row["gpu_seconds"]))
    assert len(used) == len(CELLS) * len(PROGRAMS)
    for by_price in used.values():
        assert by_price["0"] == by_price["no price"]
        spent = [by_price[f"{price:g}"][1] for price in PRICES]
        assert spent == sorted(spent, reverse=True)
        assert spent[-1] < spent[0]
        assert float(by_price["0"][0]) > 0
    assert "GPU-seconds" in capsys.readouterr().out
    assert (out / "table.md").read_text().count("\n") == 2 + len(used) * (1 + len(PRICES))
