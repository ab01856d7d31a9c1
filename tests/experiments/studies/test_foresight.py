"""The distance to the bound, taken apart."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from experiments.cli import compose
from experiments.config.build import build
from experiments.studies.foresight import foresee_all, gatekeeper, main, on_time, periods
from experiments.studies.grid import cells
from experiments.studies.jobs import Jobs
from planner.request import Request
from profiles import Shape

BUSY = ("workload=skewed", "workload.requests=40", "workload.rate=30", "workload.slo_scale=1.2")


def test_what_is_reached_lies_below_the_bound() -> None:
    """A gatekeeper never makes it worse than dropping late requests, nor beats the bound, which is below the fluid one."""
    for found in foresee_all(cells([], BUSY), [0, 1], passes=1, jobs=Jobs(1)):
        assert 0 < found.dropped <= found.told <= found.bound <= found.fluid <= 1
        assert 0 < found.online <= found.bound


def test_gatekeeper_serves_what_it_lets_in() -> None:
    """All requests that the gatekeeper lets in are on time, though it began with a worse set."""
    setup = build(compose(["solver=edf", "engine.late=drop", *BUSY]))
    part = max(periods(setup.workload.requests), key=len)
    chosen = gatekeeper(setup, part, [set()], 2, np.random.default_rng(0))
    everyone = on_time(setup, part)
    assert len(chosen) >= len(everyone) > 0
    assert on_time(setup, [request for request in part if request.id in chosen]) == chosen


def test_periods_split_where_no_window_spans() -> None:
    """Windows that touch or overlap, also around a third, stay together; a gap splits; nothing is lost."""
    windows = [(0.0, 9.0), (1.0, 2.0), (8.0, 10.0), (10.0, 11.0), (12.0, 13.0)]
    requests = [Request(i, Shape(256, 256), 5, start, end) for i, (start, end) in enumerate(windows)]
    assert [[request.id for request in part] for part in periods(requests)] == [[0, 1, 2], [3], [4]]


def test_command_writes_what_it_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command prints a row per cell and their mean, and writes every seed to foresight.csv."""
    out = tmp_path / "out"
    assert main([*BUSY, "--passes", "1", "--seeds", "2", "--jobs", "1", "--output", str(out)]) == 0
    rows = list(csv.DictReader((out / "foresight.csv").open()))
    mean = sum(float(row["bound"]) for row in rows) / len(rows)
    assert len(rows) == 2
    assert f"{mean:.3f}" in capsys.readouterr().out
    assert f"{mean:.3f}" in (out / "table.md").read_text()
