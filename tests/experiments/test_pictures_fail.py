"""A picture that cannot be drawn does not take the results with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from experiments import runner
from tests.experiments.workload.serving import setup_of

CASES = Path(__file__).parent / "workload" / "samples" / "cases"


def test_a_picture_that_fails_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The run ends well with its summary and tables, and one line names the picture and the reason."""

    def fail(*_: Any) -> None:
        raise MemoryError("12.9 TiB")

    monkeypatch.setattr(runner, "draw_timeline", fail)
    outcome = runner.run_to_directory(setup_of(CASES / "t01_rect.csv", "solver=edf"), {}, tmp_path)
    assert not outcome.interrupted
    assert json.loads((tmp_path / "summary.json").read_text())
    assert (tmp_path / "requests.parquet").exists()
    warnings = capsys.readouterr().err.splitlines()
    assert len(warnings) == 1
    assert "timeline.png could not be made (MemoryError: 12.9 TiB)" in warnings[0]
