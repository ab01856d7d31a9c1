"""The layers between the bound and a schedule."""

from __future__ import annotations

import csv
from itertools import pairwise
from pathlib import Path

import pytest

from experiments.studies.columns import Layers, main, take_all_apart
from experiments.studies.grid import cells
from experiments.studies.jobs import Jobs

BUSY = ("workload=skewed", "workload.requests=6", "workload.rate=60", "workload.slo_scale=1.2")


def in_order(found: Layers) -> bool:
    """Return whether no layer is above the one before."""
    layers = (found.fluid, found.bound, found.moments, found.columns, found.upper, found.schedule, found.placed)
    return all(after <= before + 1e-6 for before, after in pairwise(layers))


@pytest.mark.parametrize("together", [10, 1])
def test_each_layer_is_at_most_the_one_before(together: int) -> None:
    """Tests that bounds fall from layer to layer, that schedules stay below them, and that parts are counted."""
    for found in take_all_apart(cells([], BUSY), [0, 1], [together], exact=12, passes=1, jobs=Jobs(1)):
        assert in_order(found)
        assert found.mixed_least <= found.mixed_most + 1e-9 <= found.relaxed + 1e-6
        assert found.requests == 6
        assert 0 <= found.proven <= found.parts >= found.served


def test_large_parts_are_not_asked_for_their_optimum() -> None:
    """Tests that beyond the jobs of ``exact`` the optimum is at most what columns say, and nothing is found below."""
    (found,) = take_all_apart(cells([], BUSY), [0], [10], exact=1, passes=1, jobs=Jobs(1))
    assert found.upper == found.columns and found.schedule <= found.upper and in_order(found)


def test_command_writes_what_it_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Tests that the command prints a row per cell and number of steps, sums over seeds, and writes each to layers.csv."""
    out = tmp_path / "out"
    assert main([*BUSY, "--together", "10", "--seeds", "2", "--jobs", "1", "--output", str(out)]) == 0
    rows = list(csv.DictReader((out / "layers.csv").open()))
    assert len(rows) == 2
    assert f"| {sum(float(row['bound']) for row in rows):.0f} |" in (out / "table.md").read_text().replace("  ", "")
    assert "steps together" in capsys.readouterr().out


def test_noise_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Tests that an override without effect is refused by name."""
    assert main([*BUSY, "engine.noise=1"]) == 2
    assert "engine.noise" in capsys.readouterr().err


def test_an_override_behind_the_steps_is_told_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    """Tests that what the option takes for a number of steps is refused with where it should stand."""
    assert main(["--together", "10", "workload.rate=60"]) == 2
    assert "put workload.rate=60 before --together" in capsys.readouterr().err
