"""Serve every declared regime with the planner, the simple rules and the greedy rounds; write tables and a picture."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from experiments.cli import count, guarded
from experiments.results import manifest, prepare_directory
from experiments.results.text import Table, markdown, print_table
from experiments.results.writer import write_json
from experiments.studies.bound import CONDITION, BoundResult, bound_all, write_bounds
from experiments.studies.grid import Result, run_all
from experiments.studies.policies import PLANNER, POLICIES, ROUNDS
from experiments.studies.regimes.declared import REGIMES, Regime
from experiments.studies.regimes.gains import gain_of, gains_table
from experiments.studies.regimes.plot import draw_gains
from experiments.studies.run_tables import grid_table, write_runs

SERVED = [policy for policy in POLICIES if policy.simple or policy.name in (PLANNER, *ROUNDS)]
"""The planner, and what it is compared with."""
TIME_LIMIT = 10.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    options = _parser().parse_args(arguments)
    return guarded(lambda: _command(options))


def _command(options: argparse.Namespace) -> int:
    chosen = _chosen(options.regime)
    if options.list:
        print_table(list_table(chosen))
        return 0
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    directory = prepare_directory(options.output or _fresh_directory(), overwrite=options.overwrite)
    started = datetime.now(UTC)
    common = options.overrides
    results: list[Result] = []
    bounds: list[BoundResult] = []
    for number, regime in enumerate(chosen, start=1):
        print(f"{number} of {len(chosen)}: {regime.name}", file=sys.stderr, flush=True)
        cell = regime.cell(common)
        results += run_all([cell], SERVED, seeds, options.jobs)
        if options.bound:
            bounds += bound_all([cell], seeds, options.time_limit, options.jobs)
    grid = [regime.cell(common) for regime in chosen]
    gains = [
        gain_of(
            [result for result in results if result.cell == regime.name],
            PLANNER,
            [policy.name for policy in SERVED if policy.simple],
            ROUNDS,
        )
        for regime in chosen
    ]
    tables = {
        "list": list_table(chosen),
        "table": grid_table(results, grid, SERVED, bounds),
        "gains": gains_table(gains),
    }
    for name, table in tables.items():
        (directory / f"{name}.md").write_text(markdown(table))
    write_runs(results, directory / "runs.csv")
    if bounds:
        write_bounds(bounds, directory / "bounds.csv")
    draw_gains(gains, directory / "gains.png")
    config = {
        "cells": {cell.label: list(cell.overrides) for cell in grid},
        "policies": {policy.name: list(policy.overrides) for policy in SERVED},
        "time_limit": options.time_limit,
    }
    used = {f"seed {seed}": seed for seed in seeds}
    write_json(manifest(config, used, started, datetime.now(UTC)), directory / "manifest.json")
    print_table(tables["table"], "Attainment by weight")
    print_table(tables["gains"])
    if bounds:
        print(CONDITION)
    print(f"Means over {len(seeds)} seeds. Results are in {directory}")
    return 0


def list_table(chosen: Sequence[Regime]) -> Table:
    """Return a row per regime: who has it, and the overrides that make it."""
    return [["regime", "who has it", "overrides"], *([r.name, r.why, f"`{' '.join(r.overrides)}`"] for r in chosen)]


def _chosen(names: Sequence[str]) -> list[Regime]:
    known = {regime.name: regime for regime in REGIMES}
    for name in names:
        if name not in known:
            raise ValueError(f"--regime is {name!r}; the regimes are: {'; '.join(known)}")
    return [known[name] for name in names] or list(REGIMES)


def _fresh_directory() -> Path:
    return Path("results") / f"regimes_{datetime.now(UTC):%Y-%m-%d_%H-%M-%S}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.regimes",
        description="Serve the declared regimes (docs/regimes.md) with the planner, the simple rules and greedy rounds.",
        epilog="example: python -m experiments.regimes --regime bursts --seeds 3 workload.requests=100",
    )
    parser.add_argument(
        "overrides", nargs="*", help="overrides for all runs, as of experiments.run: workload.requests=100"
    )
    parser.add_argument("--regime", action="append", default=[], help="name of a regime; repeat it (default: all)")
    parser.add_argument("--list", action="store_true", help="print the regimes and who has them, and stop")
    parser.add_argument("--bound", action="store_true", help="add the clairvoyant bound of the runs")
    parser.add_argument(
        "--time-limit", type=float, default=TIME_LIMIT, help=f"seconds for each bound (default {TIME_LIMIT:g})"
    )
    parser.add_argument("--seeds", type=count, default=10, help="paired seeds (default 10)")
    parser.add_argument("--first-seed", type=int, default=0, help="the first of them (default 0)")
    parser.add_argument("--jobs", type=int, default=-1, help="processes (default: one per core)")
    parser.add_argument("--output", type=Path, help="directory for the results (default: a new one below results)")
    parser.add_argument("--overwrite", action="store_true", help="replace earlier results there")
    return parser
