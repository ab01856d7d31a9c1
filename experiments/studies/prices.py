"""What a price per GPU-second changes in a run: ``python -m experiments.prices``.

``objective=cost`` is worth the weight of each request on time less a price per GPU-second. Both programs serve the same
requests at several prices; what is counted is what the run consumed, not what a certificate says.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from experiments.cli import count, guarded
from experiments.results import manifest, prepare_directory
from experiments.results.text import Table, markdown, print_table
from experiments.results.writer import write_json
from experiments.studies.grid import Cell, Policy, Result, Spread, run_all

PRICES = (0.0, 0.02, 0.1, 0.5)
"""Of a GPU-second, where a request on time is worth 1; chosen before any run.

On eight H100, a 2048 image on time takes 5 to 8 GPU-seconds more than on one GPU, and a 1024 image 1.5 to 6.
"""
PROGRAMS = {
    "lookahead": ("program=lookahead",),
    "assignment": ("program=assignment",),
    "assignment alone": ("program=assignment", "program.conserve=false"),
}
CELLS = (
    Cell("uniform, 4/min, scale 2", ("workload=uniform", "workload.rate=4", "workload.slo_scale=2")),
    Cell("skewed, 12/min, scale 1.5", ("workload=skewed", "workload.rate=12", "workload.slo_scale=1.5")),
)
"""A cluster with time to spare, and one with little."""


def policies(prices: Sequence[float]) -> list[Policy]:
    """Return every program at every price, and without a price."""
    made = []
    for name, overrides in PROGRAMS.items():
        made.append(Policy(f"{name}, no price", ("solver=highs", *overrides, "objective=on_time")))
        made += [
            Policy(f"{name}, {price:g}", ("solver=highs", *overrides, "objective=cost", f"objective.price={price:g}"))
            for price in prices
        ]
    return made


def price_table(results: Sequence[Result]) -> Table:
    """Return a row per cell and policy: attainment and GPU-seconds of a run, with 95 % intervals over seeds."""
    rows = [["cell", "program, price", "SAR", "±", "GPU-seconds", "±", "p50", "p95"]]
    for cell, policy in dict.fromkeys((result.cell, result.policy) for result in results):
        runs = [result.summary for result in results if (result.cell, result.policy) == (cell, policy)]
        sar, used = Spread.of([run.weighted_sar for run in runs]), Spread.of([run.gpu_seconds for run in runs])
        p50, p95 = Spread.of([run.latency_p50 for run in runs]), Spread.of([run.latency_p95 for run in runs])
        rows.append(
            [cell, policy, f"{sar.mean:.3f}", f"{sar.half_width:.3f}", f"{used.mean:.0f}", f"{used.half_width:.0f}",
             f"{p50.mean:.2f}", f"{p95.mean:.2f}"]
        )  # fmt: skip
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    options = _parser().parse_args(arguments)
    return guarded(lambda: _command(options))


def _command(options: argparse.Namespace) -> int:
    grid = [Cell(cell.label, (*cell.overrides, *options.overrides)) for cell in CELLS]
    seeds = range(options.seeds)
    directory = prepare_directory(options.output, overwrite=options.overwrite)
    started = datetime.now(UTC)
    chosen = policies(PRICES)
    results = run_all(grid, chosen, seeds, options.jobs)
    table = price_table(results)
    (directory / "table.md").write_text(markdown(table))
    with (directory / "runs.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["cell", "policy", "seed", "sar", "gpu_seconds"])
        writer.writerows(
            [r.cell, r.policy, r.seed, r.summary.weighted_sar, f"{r.summary.gpu_seconds:.6g}"] for r in results
        )
    config = {
        "cells": {cell.label: list(cell.overrides) for cell in grid},
        "policies": {policy.name: list(policy.overrides) for policy in chosen},
    }
    used = {f"seed {seed}": seed for seed in seeds}
    write_json(manifest(config, used, started, datetime.now(UTC)), directory / "manifest.json")
    print_table(table)
    print(f"Means over {len(seeds)} seeds. Results are in {directory}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.prices",
        description="Serve the same requests with both programs at several prices per GPU-second.",
        epilog="example: python -m experiments.prices --seeds 2 --output results/price workload.requests=60",
    )
    parser.add_argument("overrides", nargs="*", help="overrides for all runs, as of experiments.run")
    parser.add_argument("--seeds", type=count, default=10, help="number of seeds, from 0 on (default 10)")
    parser.add_argument("--jobs", type=int, default=-1, help="processes (default: one per core)")
    parser.add_argument("--output", type=Path, required=True, help="directory for tables")
    parser.add_argument("--overwrite", action="store_true", help="replace results that are there")
    return parser
