"""The command that compares real runs with simulation."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from experiments.fidelity.__main__ import main
from profiles import load_profile
from tests.experiments.distributed.test_run import CLASSES


def test_compares_and_leaves_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Tests that one repeat on tiny workers ends with table, rows, picture, both profiles and manifest."""
    small = ["workload=custom", CLASSES, "workload.requests=4", "workload.load=0.3", "workload.slo_scale=20"]
    code = main(
        [
            *("--repeats", "1", "--output", str(tmp_path / "out")),
            *("engine.device=cpu", "engine.width=tiny", "profile.repeats=2", *small),
        ]
    )
    assert code == 0
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"table.md", "runs.csv", "fidelity.png", "profile.json", "in_service.json", "manifest.json"}
    with (tmp_path / "out" / "runs.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["kind"] for row in rows} == {"real", "simulated", "in service"}
    assert "latency p95" in (tmp_path / "out" / "table.md").read_text()
    assert (
        load_profile(tmp_path / "out" / "in_service.json").shapes
        == load_profile(tmp_path / "out" / "profile.json").shapes
    )
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["config"]["engine"]["kind"] == "distributed"
    assert "in service: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--repeats", "0"], "argument --repeats: '0' is not a whole number of at least 1"),
        (["profile=flux1-dev_h100"], "profile"),
        (["engine.model=no"], "engine.model"),
    ],
)
def test_refuses(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Tests that wrong arguments end with exit code 2 and one message before a worker starts."""
    assert main(arguments) == 2
    assert words in capsys.readouterr().err
