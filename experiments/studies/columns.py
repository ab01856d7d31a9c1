"""Whether the clairvoyant bound is loose, and what could tighten it: ``python -m experiments.columns``.

Between the bound (:mod:`planner.bounds`) and a schedule stand what the bound does not know: what can run at one moment,
that a job's steps are whole, and that all of this must hold at once. Each is added in turn (:mod:`planner.decomposition`):
all rows on moments; columns of whole schedules, for sets of jobs; and, where jobs and steps are few, everything, by CP-SAT.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from experiments.cli import compose, count, whole
from experiments.config.build import Setup, build
from experiments.results.text import Table
from experiments.studies.bound import NO_PLANNER
from experiments.studies.foresight import gatekeeper, on_time, periods
from experiments.studies.grid import Cell
from experiments.studies.hidden import refuse_hidden
from experiments.studies.jobs import Jobs
from experiments.studies.naming import add_grid, grid_of
from experiments.studies.options import refuse, seeds_of, study_parser
from experiments.studies.study import open_study, run_study
from planner.backends.highs import HighsBackend
from planner.costs import costs_of
from planner.decomposition.master import decompose
from planner.decomposition.moments import moment_bound
from planner.decomposition.sets import set_bound, shared_program
from planner.decomposition.whole import on_ticks, whole_steps
from planner.programs.intervals import Task, interval_program
from planner.request import Request
from planner.round import EPSILON

DEFAULTS = ("solver=highs", "engine.late=drop", "engine.noise=0", "engine.regroup_ms=0")
TICK = 1e-4
"""Seconds to which step times are rounded up where several steps are done together."""
TOGETHER = (10, 5, 1)
SEVERAL = (10, 5)
"""Numbers of steps that are done without a break in schedules of single steps that CP-SAT is asked for."""
BUDGET = 20.0
"""Seconds for each program."""
EXACT_BUDGET = 10.0
"""Deterministic seconds for each question to CP-SAT."""
ROUNDS = 60
"""Masters solved for columns without integrality."""
_EQUAL = 1e-6
CONDITION = (
    "All hold for schedules without batches whose steps take what the profile says, and whose moves take no time."
)


@dataclass(frozen=True, slots=True)
class Layers:
    """What is on time at most, with more and more of what a schedule must keep; in requests, or weight.

    Parameters
    ----------
    cell, seed, together
        Which workload, and how many steps of a request are done without a break.
    requests
        Of the workload.
    fluid
        At most, by GPU-seconds alone.
    bound
        The same with the rows on concurrency: the clairvoyant bound.
    moments
        The same with all rows on what can run at a moment.
    relaxed
        The same without integrality, so that jobs may be served in part.
    mixed_least, mixed_most
        Between these is what columns of whole schedules are worth in place of durations, also without integrality.
    columns
        At most, with sets of jobs that columns of whole schedules do not serve together.
    upper, schedule
        The optimum is at most and at least this. Where several steps are done together: by CP-SAT on counted GPUs, for
        parts of few jobs. Else at most ``columns``, and at least what a clairvoyant gatekeeper reaches, or CP-SAT with
        several steps together: such a schedule is one of single steps.
    placed
        Found where every step has GPUs of its own, an aligned block.
    parts
        Independent parts of several jobs.
    closed
        Parts where the bound's schedule keeps all rows on moments, so that none of them lowers the bound.
    served
        Parts where columns serve the set of the last bound, so that nothing that they say lowers it.
    proven
        Parts whose optimum is known.
    """

    cell: str
    seed: int
    together: int
    requests: int
    fluid: float
    bound: float
    moments: float
    relaxed: float
    mixed_least: float
    mixed_most: float
    columns: float
    upper: float
    schedule: float
    placed: float
    parts: int
    closed: int
    served: int
    proven: int


_SUMS = tuple(field.name for field in fields(Layers))[3:]


def take_apart(cell: str, config: dict[str, Any], together: int, exact: int, passes: int) -> Layers:
    """Find all layers of a workload.

    Parameters
    ----------
    cell, config
        Label, and config of :func:`experiments.config.build.build`.
    together
        Steps of a request that are done without a break.
    exact
        Jobs of a part up to which CP-SAT is asked.
    passes
        Of the gatekeeper, who is asked where steps are done one by one.
    """
    setup = build(config)
    random = np.random.default_rng(setup.seed)
    sums = np.zeros(len(_SUMS))
    for part in periods(setup.workload.requests):
        tasks = [task for request in part if (task := _task(setup, request, together)) is not None]
        if len(tasks) < 2:
            sums += [len(part), *[math.fsum(task.weight for task in tasks)] * 10, 0, 0, 0, 0]
            continue
        sums += _part(setup, part, tasks, together, exact, passes, random)
    values = [int(x) if name in ("requests", "parts", "closed", "served", "proven") else float(x)
              for name, x in zip(_SUMS, sums.tolist(), strict=True)]  # fmt: skip
    return Layers(cell, setup.seed, together, *values)  # type: ignore[arg-type]


def _part(
    setup: Setup,
    part: Sequence[Request],
    tasks: Sequence[Task],
    together: int,
    exact: int,
    passes: int,
    random: np.random.Generator,
) -> list[float]:
    """Return the sums of one part."""
    cluster, solver = setup.service.cluster, HighsBackend(gap=1e-6)
    points = np.unique(np.array([time for task in tasks for time in (task.release, task.due)]))
    seconds = np.diff(points)
    program = shared_program(tasks, points, cluster.gpus, cluster.degrees)
    plain = interval_program(tasks, points, cluster.gpus * seconds)
    fluid, _ = moment_bound(plain, len(tasks), cluster.gpus, seconds, solver, BUDGET, rounds=1)
    moments, program = moment_bound(program, len(tasks), cluster.gpus, seconds, solver, BUDGET)
    mixed = decompose(tasks, points, program, ROUNDS)
    columns = set_bound(tasks, points, program, cluster.gpus, cluster.degrees, solver, BUDGET)
    upper, ask = columns.upper, len(tasks) <= exact
    schedule = placed = 0.0
    if together > 1 and ask:
        found = whole_steps(tasks, cluster.gpus, TICK, EXACT_BUDGET, upper)
        upper, schedule = found.upper, found.value
        placed = whole_steps(tasks, cluster.gpus, TICK, EXACT_BUDGET, schedule, placed=True).value
    elif together == 1:
        let_in = gatekeeper(setup, part, [on_time(setup, part)], passes, random)
        schedule = placed = math.fsum(request.weight for request in part if request.id in let_in)
        for several in SEVERAL if ask else ():
            if schedule < upper - _EQUAL:
                longer = [task for request in part if (task := _task(setup, request, several)) is not None]
                counted = whole_steps(longer, cluster.gpus, TICK, EXACT_BUDGET, upper).value
                if counted > schedule:
                    schedule = counted
                    placed = max(
                        placed, whole_steps(longer, cluster.gpus, TICK, EXACT_BUDGET, counted, placed=True).value
                    )
    return [
        len(part), fluid.first, moments.first, moments.upper, mixed.relaxed, mixed.lower, mixed.upper,
        columns.upper, upper, schedule,
        placed, 1, moments.closed, columns.served, schedule >= upper - _EQUAL,
    ]  # fmt: skip


def _task(setup: Setup, request: Request, together: int) -> Task | None:
    """Return a request as a task, None where it misses its deadline even alone."""
    shape = costs_of(setup.truth, setup.service.cluster).of(request.shape)
    due = request.deadline + EPSILON
    task = Task(request.arrival, due, request.steps, shape.degrees, shape.seconds, request.weight)
    if together > 1:
        return on_ticks(task, together, TICK)
    return task if request.arrival + request.steps * shape.fastest <= due else None


LAYERS = ("requests", "fluid", "bound", "moments", "columns", "upper", "schedule", "placed")
PARTS = ("parts", "closed", "served", "proven")
MIXED = ("relaxed", "mixed_least", "mixed_most")


def layer_table(results: Sequence[Layers], names: Sequence[str], digits: int = 0) -> Table:
    """Return a row per cell and number of steps done together: sums over seeds of some fields."""
    rows = [["cell", "steps together", *(name.replace("_", " ") for name in names)]]
    for cell, together in dict.fromkeys((result.cell, result.together) for result in results):
        own = [result for result in results if (result.cell, result.together) == (cell, together)]
        sums = (math.fsum(getattr(result, name) for result in own) for name in names)
        rows.append([cell, str(together), *(f"{value:.{digits}f}" for value in sums)])
    return rows


def take_all_apart(
    grid: Sequence[Cell],
    seeds: Sequence[int],
    together: Sequence[int],
    exact: int,
    passes: int,
    jobs: Jobs = Jobs(),  # noqa: B008
) -> list[Layers]:
    """Do all cells, seeds and numbers of steps done together; every cell is built and checked before the first begins."""
    work = []
    for cell in grid:
        config = compose([*DEFAULTS, *cell.overrides])
        build(config | {"seed": seeds[0]})
        work += [
            (cell.label, config | {"seed": seed}, several, exact, passes) for several in together for seed in seeds
        ]
    return jobs.do("layers", take_apart, work, Layers)


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = study_parser(
        "columns",
        "Ask whether the clairvoyant bound is loose: add all rows on moments, then columns of whole schedules, then, where "
        f"jobs and steps are few, everything. {CONDITION}",
        "workload=skewed workload.rate=60 workload.slo_scale=1.2 workload.requests=10 --together 10 --seeds 5",
    )
    add_grid(parser)
    parser.add_argument(
        "--together",
        type=_together,
        nargs="+",
        default=TOGETHER,
        metavar="STEPS",
        help="steps done without a break (default 10 5 1); overrides stand before it",
    )
    parser.add_argument("--exact", type=whole, default=12, help="jobs of a part for which CP-SAT is asked (default 12)")
    parser.add_argument("--passes", type=whole, default=1, help="passes of the gatekeeper (default 1)")
    return run_study(parser, _command, arguments)


def _together(text: str) -> int:
    """Read a number of steps; an override that stands behind the option is taken for one."""
    try:
        return count(text)
    except argparse.ArgumentTypeError as error:
        hint = f"; put {text} before --together" if "=" in text else ""
        raise argparse.ArgumentTypeError(f"{error}{hint}") from None


def _command(options: argparse.Namespace) -> None:
    grid = grid_of(options)
    useless = NO_PLANNER | {"engine.noise": "nothing: steps take what the profile says"}
    refuse([override for cell in grid for override in cell.overrides], useless)
    refuse_hidden(grid)
    seeds, together = seeds_of(options), list(dict.fromkeys(options.together))
    config = {
        "cells": {cell.label: list(cell.overrides) for cell in grid},
        "together": together,
        "exact": options.exact,
        "passes": options.passes,
    }
    with open_study("columns", options, config, seeds) as study:
        results = take_all_apart(grid, seeds, together, options.exact, options.passes, study.jobs)
        study.table("table", layer_table(results, LAYERS))
        study.table(
            "parts", layer_table(results, PARTS), "Parts of several requests, and those in which a layer is settled"
        )
        study.table("mixed", layer_table(results, MIXED, 2), "Without integrality")
        study.rows("layers", results)
        print(
            f"Requests, summed over seeds: at most, from fluid to the optimum; then what schedules reach. {CONDITION}"
        )
