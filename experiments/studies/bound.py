"""How many requests could have been on time, had all arrivals been known: ``python -m experiments.bound``.

The clairvoyant bound (:mod:`planner.bounds`) holds for every policy without batching, in the run that was made: with the
step times that its seed draws. A policy's SAR as a share of it says how much of what was possible it reached.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from executor.noise import draw_noise, paces
from experiments.cli import compose, positive
from experiments.config.build import Setup, build
from experiments.results.text import Table
from experiments.runner import NOISE_STREAM
from experiments.studies.grid import Cell
from experiments.studies.hidden import refuse_hidden
from experiments.studies.jobs import Jobs
from experiments.studies.naming import add_grid, grid_of
from experiments.studies.options import refuse, seeds_of, study_parser
from experiments.studies.study import open_study, run_study

if TYPE_CHECKING:
    from planner.bounds import Bound

TIME_LIMIT = 120.0
CONDITION = (
    "The bound holds for schedules without batches of these very runs: requests of this seed, and steps that take as long "
    "as its noise makes them."
)


_PLANNING = ("solver", "program", "objective", "cadence", "engine.late", "engine.latency", "engine.admission")
NO_PLANNER = dict.fromkeys(_PLANNING, "nothing: a bound holds for whoever plans, and whenever") | {
    "engine.regroup_ms=": "nothing: a bound holds however fast latents move",
    "profile.error=": "nothing: a bound holds for true step times",
}
"""Overrides that say who plans, where nobody does."""


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
    jobs: Jobs = Jobs(),  # noqa: B008
) -> list[BoundResult]:
    """Bound the workload of every cell and seed, ``time_limit`` in seconds each."""
    work = []
    for cell in grid:
        config = compose(cell.overrides)
        build(config | {"seed": seeds[0]})
        work += [(cell.label, config | {"seed": seed}, time_limit) for seed in seeds]
    return jobs.do("bounds", _bound, work, BoundResult)


def bound_of(setup: Setup, time_limit: float) -> Bound:
    """Bound the weight of requests on time in the run of a setup, with the noise that its seed draws; seconds for it."""
    from planner.bounds import clairvoyant_bound

    requests, cluster, physics = setup.workload.requests, setup.service.cluster, setup.physics
    known = None
    if physics.noise > 0 or physics.noise_cv > 0:
        draws = draw_noise(requests, np.random.default_rng([setup.seed, NOISE_STREAM]))
        known = paces(requests, cluster, setup.truth, draws, physics.noise, physics.noise_cv)
    return clairvoyant_bound(
        requests,
        cluster,
        setup.truth,
        time_limit,
        stage_workers=physics.stage_workers * physics.stages,
        paces=known,
        images_on_gpus=physics.decode == "group",
    )


def _bound(cell: str, config: dict[str, Any], time_limit: float) -> BoundResult:
    found = bound_of(build(config), time_limit)
    return BoundResult(
        cell, config["seed"], found.value / found.total, found.upper / found.total, found.status, found.seconds
    )


def bound_table(results: Sequence[BoundResult]) -> Table:
    """Return a row per workload."""
    head = ["cell", "seed", "bound", "reached", "proof", "seconds"]
    return [
        head,
        *([r.cell, str(r.seed), f"{r.bound:.4f}", f"{r.reached:.4f}", r.status, f"{r.seconds:.1f}"] for r in results),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = study_parser(
        "bound",
        f"Bound the share of requests that any schedule could serve on time. {CONDITION}",
        "workload=skewed workload.rate=18 --seeds 3",
    )
    add_grid(parser)
    parser.add_argument(
        "--time-limit", type=positive, default=TIME_LIMIT, help=f"seconds each (default {TIME_LIMIT:g})"
    )
    return run_study(parser, _command, arguments)


def _command(options: argparse.Namespace) -> None:
    grid = grid_of(options)
    refuse([override for cell in grid for override in cell.overrides], NO_PLANNER)
    refuse_hidden(grid)
    seeds = seeds_of(options)
    config = {"cells": {cell.label: list(cell.overrides) for cell in grid}, "time_limit": options.time_limit}
    with open_study("bound", options, config, seeds) as study:
        results = bound_all(grid, seeds, options.time_limit, study.jobs)
        study.table("table", bound_table(results))
        study.rows("bounds", results, leave_out=["seconds"])
        print(f"reached: by a schedule of fluid steps; bound: proven, no schedule serves more. {CONDITION}")
