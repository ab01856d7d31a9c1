"""Equal seeds give equal bytes, whatever else the machine does."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from experiments.cli import compose
from experiments.config.build import build
from experiments.results.tables import requests_table, rounds_table, segments_table
from experiments.runner import simulate

LOOPS = 4
OVERLOADED = ("cluster.gpus=16", "workload=skewed", "workload.rate=100", "workload.slo_scale=1.5", "seed=3")
PAPER = ("workload=uniform", "workload.rate=12", "workload.slo_scale=1.1", "seed=1000")
RUNS: dict[str, tuple[str, ...]] = {
    "highs": (*OVERLOADED, "solver=highs", "solver.budget_ms=50", "workload.requests=60"),
    "highs-tight": (*PAPER, "solver=highs", "solver.budget_ms=1.5", "workload.requests=100"),
    "highs-detailed": (*OVERLOADED, "solver=highs", "objective=least_share", "workload.requests=40"),
    "cpsat": (*OVERLOADED, "solver=cpsat", "program=lookahead", "workload.requests=40"),
    "cpsat-assignment": (*OVERLOADED, "solver=cpsat", "program=assignment", "workload.requests=30"),
    "scip": (*OVERLOADED, "solver=scip", "solver.budget_ms=30", "workload.requests=30"),
    "cbc": (*OVERLOADED, "solver=pulp", "solver.budget_ms=60", "workload.requests=20"),
}


@contextmanager
def busy_machine() -> Iterator[None]:
    """Run loops beside the block that keep more processors busy than there are, most likely."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(LOOPS)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
        for loop in loops:
            loop.wait()


def tables_of(overrides: tuple[str, ...]) -> list[Any]:
    """Carry a run out and return the tables that it leaves, but for times on the clock."""
    records = simulate(build(compose(list(overrides))))
    return [table(records) for table in (requests_table, rounds_table, segments_table)]


@pytest.mark.parametrize("overrides", RUNS.values(), ids=RUNS)
def test_equal_seeds_give_equal_tables_beside_busy_loops(overrides: tuple[str, ...]) -> None:
    """Tests that a run in overload, whose searches reach their limits, leaves equal tables beside four busy loops."""
    quiet = tables_of(overrides)
    with busy_machine():
        busy = tables_of(overrides)
    assert all(first.equals(second) for first, second in zip(quiet, busy, strict=True))
