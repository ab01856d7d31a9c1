"""The clairvoyant bound from the command line."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from experiments.cli import compose
from experiments.config.build import build
from experiments.studies.bound import CONDITION, bound_all, bound_of, main
from experiments.studies.grid import Policy, cells, run_all
from experiments.studies.jobs import Jobs

CALM = ("workload.requests=60", "workload.rate=3")
SMALL = ("workload.requests=40", "workload.rate=30")


def test_no_policy_beats_the_bound() -> None:
    """With exact step times, the SAR of every policy is at most the bound of its workload."""
    grid = cells([["workload.slo_scale=1.0", "workload.slo_scale=1.5"]], (*SMALL, "engine.noise=0"))
    policies = [Policy(s, (f"solver={s}",)) for s in ("edf", "srtf", "dp", "cpsat", "rssp")]
    bounds = {(b.cell, b.seed): b.bound for b in bound_all(grid, [0, 1], jobs=Jobs(1))}
    for result in run_all(grid, policies, [0, 1], jobs=Jobs(1)):
        assert result.summary.sar <= bounds[result.cell, result.seed] + 1e-9


@pytest.mark.parametrize("noise", ["engine.noise=1", "engine.noise_cv=0.1"])
def test_no_policy_beats_the_bound_of_its_own_run_under_noise(noise: str) -> None:
    """2048 images that fit into their deadlines only when noise is kind: the bound knows by whom, and no policy has more."""
    grid = cells(
        [["workload.slo_scale=1.083", "workload.slo_scale=1.2"]], ("workload.mix=homogeneous-2048", *CALM, noise)
    )
    policies = [Policy(s, (f"solver={s}",)) for s in ("edf", "srtf", "highs")]
    bounds = {(b.cell, b.seed): b for b in bound_all(grid, [0, 1, 2], jobs=Jobs(1))}
    results = run_all(grid, policies, [0, 1, 2], jobs=Jobs(1))
    for result in results:
        assert result.summary.sar <= bounds[result.cell, result.seed].bound + 1e-9
    assert max(result.summary.sar for result in results if result.cell == "1.083") > 0
    by_profile = build(compose([*grid[0].overrides, "engine.noise=0", "engine.noise_cv=0"]) | {"seed": 0})
    assert bound_of(by_profile, 10.0).upper == 0


def test_command_writes_what_it_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command prints the bound of each seed and writes the same to bounds.csv."""
    assert main([*SMALL, "--seeds", "2", "--jobs", "1", "--output", str(tmp_path / "out")]) == 0
    rows = list(csv.DictReader((tmp_path / "out" / "bounds.csv").open()))
    out = capsys.readouterr().out
    assert len(rows) == 2
    assert " ".join(CONDITION.split()) in " ".join(out.split())
    for row in rows:
        assert f"{float(row['bound']):.4f}" in out
        assert float(row["reached"]) <= float(row["bound"])
