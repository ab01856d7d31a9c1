"""How many requests could have been on time, had all arrivals been known: ``python -m experiments.bound``.

The clairvoyant bound (:mod:`planner.bounds`) holds for every policy without batching, in the run that was made: with the
step times that its seed draws. A policy's SAR as a share of it says how much of what was possible it reached.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from executor.noise import draw_noise, paces
from experiments.build import Setup, build
from experiments.cli import compose, guarded
from experiments.results import manifest, prepare_directory
from experiments.results.text import markdown, print_table
from experiments.results.writer import write_json
from experiments.runner import NOISE_STREAM
from experiments.studies.grid import PAPER_GRID, Cell, cells

if TYPE_CHECKING:
    from planner.bounds import Bound

TIME_LIMIT = 120.0
CONDITION = (
    "The bound holds for schedules without batches of these very runs: requests of this seed, and steps that take as long "
    "as its noise makes them."
)


@dataclass(frozen=True, slots=True)
class BoundResult:
    """The bound of one workload, as shares of its requests (by weight).

    Parameters
    ----------
    cell, seed
        Which workload.
    reached
        Share that the best fluid schedule found serves on time.
    bound
        Proven: no schedule serves a larger share.
    status
        ``"optimal"`` when both are equal.
    seconds
        Wall-clock time of the proof.
    """

    cell: str
    seed: int
    reached: float
    bound: float
    status: str
    seconds: float


def bound_all(
    grid: Sequence[Cell],
    seeds: Sequence[int],
    time_limit: float = TIME_LIMIT,
    jobs: int = -1,
    on_result: Callable[[BoundResult], None] | None = None,
) -> list[BoundResult]:
    """Bound the workload of every cell and seed, spread over the cores; ``time_limit`` in seconds each."""
    from joblib import Parallel, delayed

    work = [(cell.label, compose(cell.overrides) | {"seed": seed}) for cell in grid for seed in seeds]
    results: list[BoundResult] = []
    tasks = (delayed(_bound)(label, config, time_limit) for label, config in work)
    for result in Parallel(n_jobs=jobs, return_as="generator")(tasks):
        results.append(result)
        if on_result is not None:
            on_result(result)
    return results


def bound_of(setup: Setup, time_limit: float) -> Bound:
    """Bound the weight of requests on time in the run of a setup, with the noise that its seed draws; seconds for it."""
    from planner.bounds import clairvoyant_bound

    requests, cluster, physics = setup.workload.requests, setup.service.cluster, setup.physics
    known = None
    if physics.noise > 0 or physics.noise_cv > 0:
        draws = draw_noise(requests, np.random.default_rng([setup.seed, NOISE_STREAM]))
        known = paces(requests, cluster, setup.truth, draws, physics.noise, physics.noise_cv)
    return clairvoyant_bound(requests, cluster, setup.truth, time_limit, stages=physics.stages, paces=known)


def _bound(cell: str, config: dict[str, Any], time_limit: float) -> BoundResult:
    found = bound_of(build(config), time_limit)
    return BoundResult(
        cell, config["seed"], found.value / found.total, found.upper / found.total, found.status, found.seconds
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    options = _parser().parse_args(arguments)
    return guarded(lambda: _command(options))


def _command(options: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    grid = cells(PAPER_GRID if options.grid else (), options.overrides)
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    started = datetime.now(UTC)
    directory = None if options.output is None else prepare_directory(options.output, options.overwrite)
    console = Console(stderr=True)
    columns = (TextColumn("bounds"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("bounds", total=len(grid) * len(seeds))
        results = bound_all(grid, seeds, options.time_limit, options.jobs, lambda result: bar.advance(task))
    table = [["cell", "seed", "bound", "reached", "proof", "seconds"]]
    table += [
        [r.cell, str(r.seed), f"{r.bound:.4f}", f"{r.reached:.4f}", r.status, f"{r.seconds:.1f}"] for r in results
    ]
    print_table(table)
    print(CONDITION)
    if directory is not None:
        write_bounds(results, directory / "bounds.csv")
        (directory / "table.md").write_text(markdown(table))
        config = {"cells": {cell.label: list(cell.overrides) for cell in grid}, "time_limit": options.time_limit}
        used = {f"seed {seed}": seed for seed in seeds}
        write_json(manifest(config, used, started, datetime.now(UTC)), directory / "manifest.json")
    return 0


def write_bounds(results: Sequence[BoundResult], path: Path) -> None:
    """Write a row per workload as CSV; the time of the proof is left out, since it differs from run to run."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["cell", "seed", "bound", "reached", "status"])
        writer.writerows([r.cell, r.seed, repr(r.bound), repr(r.reached), r.status] for r in results)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.bound",
        description=f"Bound the share of requests that any schedule could serve on time. {CONDITION}",
        epilog="example: python -m experiments.bound workload=skewed workload.rate=18 --seeds 3",
    )
    parser.add_argument("overrides", nargs="*", help="overrides, as of experiments.run: workload=skewed")
    parser.add_argument("--grid", action="store_true", help="the paper's grid: 2 mixes x 2 rates x 4 deadline scales")
    parser.add_argument("--seeds", type=int, default=1, help="workloads (default 1)")
    parser.add_argument("--first-seed", type=int, default=0, help="seed of the first (default 0)")
    parser.add_argument("--time-limit", type=float, default=TIME_LIMIT, help=f"seconds each (default {TIME_LIMIT:g})")
    parser.add_argument("--jobs", type=int, default=-1, help="processes (default: one per core)")
    parser.add_argument(
        "--output", type=Path, help="directory for bounds.csv, table.md and manifest.json (default: none)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace earlier results there")
    return parser
