"""How the time of a decision grows: a known law is found, and what is measured is written."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from experiments.studies import growth
from experiments.studies.growth import AXES, TimedRound, growth_of, growth_table, main


def law(axis: str, gpus: int, jobs: int, seed: int) -> TimedRound:
    """Return a time that grows as jobs to 1.5 and GPUs to .5, from a millisecond on."""
    return TimedRound(axis, "moore", gpus, jobs, seed, 1e-3 * jobs**1.5 * gpus**0.5, True)


def test_a_known_law_is_found() -> None:
    """Tests the fit along both axes, and the table's exponents and medians, on times without noise."""
    times = [law(axis, *size, seed) for axis, sizes in AXES.items() for size in sizes for seed in (0, 1)]
    found = growth_of([each for each in times if each.axis.startswith("live")])
    assert (found.seconds, found.exponent, found.scatter) == pytest.approx((8e-3, 1.5, 1.0))
    assert found.at(16) == pytest.approx(law("", 64, 16, 0).seconds)
    first, second = growth_table(times)[1:]
    assert first[1:4] == ["moore", "1.50", "1.00"]
    assert first[4:] == ["16", f"{8 * 16**1.5:.2f}", "128", f"{8 * 128**1.5:.2f}", "1024", f"{8 * 1024**1.5:.2f}"]
    assert second[1:6] == ["moore", "2.00", "1.00", "16", f"{32**1.5 * 4:.2f}"]


def test_results_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests the command on small rounds: a row per decision, table and picture."""
    monkeypatch.setattr(growth, "AXES", {axis: sizes[:2] for axis, sizes in AXES.items()})
    output = tmp_path / "out"
    assert main(["--policy", "moore", "--policy", "edf", "--seeds", "2", "--output", str(output)]) == 0
    rows = list(csv.DictReader((output / "decisions.csv").open()))
    assert len(rows) == 2 * 2 * 2 * 2
    assert all(float(row["seconds"]) > 0 for row in rows)
    assert (output / "table.md").read_text().count("\n") == 6
    assert (output / "growth.png").stat().st_size > 10_000
