"""Serve a trace in memory, for tests of traces."""

from __future__ import annotations

from pathlib import Path

from hydra import compose, initialize

from experiments.cli import plain
from experiments.config import register
from experiments.config.build import Setup, build
from experiments.runner import simulate


def setup_of(trace: Path, *overrides: str) -> Setup:
    """Build the run of a trace."""
    register()
    with initialize(version_base="1.3", config_path=None):
        config = compose("tetriplan", ["workload=trace", f"workload.file={trace}", *overrides])
    return build(plain(config))


def served(trace: Path, *overrides: str) -> int:
    """Number of requests of a trace that are delivered by ``edf``, or by what the overrides say."""
    if not any(each.startswith("solver=") for each in overrides):
        overrides = ("solver=edf", *overrides)
    return len(simulate(setup_of(trace, *overrides)).delivered)
