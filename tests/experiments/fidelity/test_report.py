"""Table, rows and picture of a comparison."""

from __future__ import annotations

import math
from pathlib import Path

from experiments.fidelity.report import REAL, draw, figure_rows, mean_of, names_of, spread_of, table, verdict, verdicts

RUNS = {
    REAL: [
        {"SAR": 0.9, "latency p50": 1.0, "latency p95": 2.0, "regroups": 4.0, "step 128x128 on 2": 0.02},
        {"SAR": 0.8, "latency p50": 1.2, "latency p95": 2.2, "regroups": 6.0, "step 64x64 on 1": 0.01},
    ],
    "simulated": [{"SAR": 0.86, "latency p50": 1.5, "latency p95": 2.1, "regroups": 5.0, "step 128x128 on 1": 0.03}],
}


def test_means_and_spreads_of_what_there_is() -> None:
    """Tests that a figure that only some runs have counts in those alone."""
    assert mean_of(RUNS[REAL], "step 64x64 on 1") == 0.01
    assert spread_of(RUNS[REAL], "step 64x64 on 1") == 0.0
    assert math.isnan(mean_of(RUNS["simulated"], "step 64x64 on 1"))


def test_every_step_of_any_run_has_a_row() -> None:
    """Tests that steps are listed by resolution and degree, whichever run did them."""
    steps = [name for name in names_of(RUNS) if name.startswith("step")]
    assert steps == ["step 64x64 on 1", "step 128x128 on 1", "step 128x128 on 2"]


def test_table_says_where_it_is_off() -> None:
    """Tests that a row has the real mean and spread, the simulated value, the difference, and a verdict where promised."""
    rows = {row[0]: row[1:] for row in table(RUNS)}
    assert rows["SAR, share"] == ["0.850", "0.071", "0.860", "+0.010 ok"]
    assert rows["latency p50, s"] == ["1.100", "0.141", "1.500", "+36.4% off"]
    assert rows["regroups"] == ["5.0", "1.4", "5.0", "+0.0%"]
    assert rows["step 128x128 on 1, ms"] == ["-", "0.0", "30.0", "-"]
    assert verdicts(RUNS) == ["simulated: SAR ok, latency p50 off, latency p95 ok"]


def test_noise_is_told_from_error() -> None:
    """Tests that a figure further off than promised, but among the real runs, is called noise."""
    runs = {REAL: [{"SAR": 0.8}, {"SAR": 1.0}], "near": [{"SAR": 0.98}], "far": [{"SAR": 1.04}]}
    assert [verdict(runs, kind, "SAR") for kind in ("near", "far")] == ["noise", "off"]


def test_files(tmp_path: Path) -> None:
    """Tests that every figure of every run is in the rows, and the picture is there."""
    rows = figure_rows(RUNS)
    assert len(rows) == sum(len(run) for many in RUNS.values() for run in many)
    assert {(row.kind, row.repeat) for row in rows} == {(REAL, 0), (REAL, 1), ("simulated", 0)}
    draw(RUNS, tmp_path / "fidelity.png")
    assert (tmp_path / "fidelity.png").stat().st_size > 1000
