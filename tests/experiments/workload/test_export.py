"""Traces for other clients."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from experiments.workload import Workload, write_trace
from experiments.workload.__main__ import main
from planner.request import Request
from profiles import Shape


def test_rows_for_aiperf(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Tests that a row has the time in milliseconds and the body of a call, width first, and that no file is replaced."""
    trace, rows = tmp_path / "t.csv", tmp_path / "t.jsonl"
    requests = (Request(0, Shape(512, 768), 20, 0.5, 3.0), Request(1, Shape(256, 256), 4, 1.0, 2.0, 2.0))
    write_trace(Workload("t", requests), trace)
    assert main(["export", str(trace), "--output", str(rows)]) == 0
    first, second = map(json.loads, rows.read_text().splitlines())
    assert (
        first["timestamp"] == 500.0 and first["payload"]["size"] == "768x512" and first["payload"]["slo_ms"] == 2500.0
    )
    assert first["payload"]["num_inference_steps"] == 20 and second["payload"]["weight"] == 2.0
    assert main(["export", str(trace), "--output", str(rows)]) == 2
    assert "--overwrite" in capsys.readouterr().err
