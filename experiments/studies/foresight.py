"""What of the distance to the bound is owed to not knowing the future: ``python -m experiments.foresight``.

Between what an online policy reaches and the clairvoyant bound, which no schedule may reach, stands what a schedule of
whole steps really does reach when arrivals are known: here, the same policy with a clairvoyant gatekeeper, who turns
requests away on arrival so that more of the others are on time. Whom to turn away is found by search; the simulator
serves every set that it considers, so what it finds is a schedule, and the best possible one lies between it and the
bound.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from experiments.cli import compose, whole
from experiments.config.build import Setup, build
from experiments.results.text import Table
from experiments.runner import simulate
from experiments.studies.bound import TIME_LIMIT
from experiments.studies.grid import Cell
from experiments.studies.hidden import refuse_hidden
from experiments.studies.jobs import Jobs
from experiments.studies.naming import add_grid, grid_of
from experiments.studies.options import refuse, seeds_of, study_parser
from experiments.studies.study import open_study, run_study
from experiments.workload import Workload
from planner.request import Request

DEFAULTS = ("solver=highs",)
CONDITION = (
    "Both bounds hold for schedules without batches whose steps take what the profile says; noise (engine.noise), which is "
    "drawn anew for every set of requests let in, can exceed them."
)
_REACHED = ("online", "dropped", "told", "bound", "fluid")
_STEPS = ("by dropping", "by gatekeeper", "rest", "fluid only")


@dataclass(frozen=True, slots=True)
class Foresight:
    """One workload served with less and more knowledge; shares of its requests, by count.

    Parameters
    ----------
    cell, seed
        Which workload.
    online
        On time with late requests served by best effort.
    dropped
        On time with late requests given up.
    told
        On time with late requests given up, when requests are turned away by someone who knows all arrivals.
    bound
        Proven: no schedule without batching does better, where steps take what the profile says.
    fluid
        The same bound from GPU-seconds alone, without the rows on concurrency: how far it was off.
    """

    cell: str
    seed: int
    online: float
    dropped: float
    told: float
    bound: float
    fluid: float


def foresee(cell: str, config: dict[str, Any], passes: int, time_limit: float = TIME_LIMIT) -> Foresight:
    """Serve a workload online and with a clairvoyant gatekeeper, and bound it.

    Parameters
    ----------
    cell
        Label of the workload.
    config
        Of :func:`experiments.config.build.build`; ``engine.late`` is set here.
    passes
        How often the search tries every request that is turned away.
    time_limit
        Seconds for the bound.
    """
    from planner.bounds import clairvoyant_bound

    kept = build(_late(config, "best_effort"))
    dropping = build(_late(config, "drop"))
    requests = dropping.workload.requests
    found, plain = (
        clairvoyant_bound(
            requests,
            kept.service.cluster,
            kept.truth,
            time_limit,
            stage_workers=kept.physics.stage_workers * kept.service.stages,
            concurrency=concurrency,
            images_on_gpus=kept.physics.decode == "group",
        )
        for concurrency in (True, False)
    )
    random = np.random.default_rng(config["seed"])
    online = on_time(dropping, requests)
    fluid = set(found.on_time)
    told = 0
    for part in periods(requests):
        ids = {request.id for request in part}
        told += len(gatekeeper(dropping, part, [online & ids, fluid & ids], passes, random))
    count = len(requests)
    served = len(on_time(kept, requests))
    return Foresight(cell, config["seed"], served / count, len(online) / count, told / count, found.share, plain.share)


def gatekeeper(
    setup: Setup,
    requests: Sequence[Request],
    starts: Sequence[set[int]],
    passes: int,
    random: np.random.Generator,
) -> set[int]:
    """Search for the ids of the requests to let in, such that as many as can be found are on time.

    The search begins with the best of the given sets, and lets in one request more at a time; what is then on time is
    the next set, unless it is smaller. So a request may take the place of another.
    """
    by_id = {request.id: request for request in requests}

    def served(ids: set[int]) -> set[int]:
        return on_time(setup, [by_id[i] for i in sorted(ids)])

    best = max((served(start) for start in starts), key=len)
    for _ in range(passes):
        before = len(best)
        for candidate in random.permutation(sorted(by_id)).tolist():
            if len(best) == len(by_id):
                return best
            if candidate not in best:
                trial = served(best | {candidate})
                if len(trial) >= len(best):
                    best = trial
        if len(best) == before:
            break
    return best


def on_time(setup: Setup, requests: Sequence[Request]) -> set[int]:
    """Serve some requests alone; return the ids of those on time."""
    if not requests:
        return set()
    records = simulate(replace(setup, workload=Workload(setup.workload.name, tuple(requests))))
    return {request.id for request in records.requests if records.fate(request) == "on_time"}


def periods(requests: Sequence[Request]) -> list[list[Request]]:
    """Split a run at moments that no window from arrival to deadline spans.

    When late requests are given up, no period has an influence on another.
    """
    parts: list[list[Request]] = []
    end = -math.inf
    for request in sorted(requests, key=lambda request: (request.arrival, request.id)):
        if request.arrival >= end:
            parts.append([])
        parts[-1].append(request)
        end = max(end, request.deadline)
    return parts


def foresight_table(results: Sequence[Foresight]) -> Table:
    """Return a row per cell, means over seeds: what is reached with what knowledge, and the steps between."""
    rows = [["cell", "late served", "late dropped", "gatekeeper", "bound", "fluid bound", *_STEPS]]
    labels = list(dict.fromkeys(result.cell for result in results))
    for label in [*labels, "mean"]:
        own = [result for result in results if label in (result.cell, "mean")]
        reached = [float(np.mean([getattr(r, name) for r in own])) for name in _REACHED]
        steps = np.diff(reached)
        rows.append([label, *(f"{value:.3f}" for value in reached), *(f"{step:.3f}" for step in steps)])
    return rows


def _late(config: dict[str, Any], rule: str) -> dict[str, Any]:
    return config | {"engine": config["engine"] | {"late": rule}}


def foresee_all(
    grid: Sequence[Cell],
    seeds: Sequence[int],
    passes: int,
    jobs: Jobs = Jobs(),  # noqa: B008
) -> list[Foresight]:
    """Do all cells and seeds; every cell is built and checked before the first run begins."""
    work = []
    for cell in grid:
        config = compose([*DEFAULTS, *cell.overrides])
        build(config | {"seed": seeds[0]})
        work += [(cell.label, config | {"seed": seed}, passes) for seed in seeds]
    return jobs.do("searches", foresee, work, Foresight)


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = study_parser(
        "foresight",
        "Take the distance to the clairvoyant bound apart: late requests that are served, unknown arrivals, "
        f"and the rest (whole steps, the planner, and what the search did not find). {CONDITION}",
        "workload=skewed workload.rate=18 workload.slo_scale=1.2 --seeds 3",
    )
    add_grid(parser)
    parser.add_argument("--passes", type=whole, default=3, help="passes over the requests turned away (default 3)")
    return run_study(parser, _command, arguments)


def _command(options: argparse.Namespace) -> None:
    grid = grid_of(options)
    given = [override for cell in grid for override in cell.overrides]
    refuse(given, {"engine.late=": "nothing: late requests are served, and dropped, in turn"})
    refuse_hidden(grid)
    seeds = seeds_of(options)
    config = {"cells": {cell.label: list(cell.overrides) for cell in grid}, "passes": options.passes}
    with open_study("foresight", options, config, seeds) as study:
        results = foresee_all(grid, seeds, options.passes, study.jobs)
        study.table("table", foresight_table(results))
        study.rows("foresight", results)
        print(
            "Late requests served, or dropped; gatekeeper: dropped, and requests turned away by one who knows all arrivals; "
            f"then the bound with and without rows on concurrency; last, the steps between. {CONDITION}"
        )
