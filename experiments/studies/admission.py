"""What promises at arrival are worth: ``python -m experiments.admission``.

The same requests are served by the same planner with every policy of admission, from the paper's load to three times what the
cluster can do. A promise is judged by whether it was kept; a refusal by whether the clairvoyant optimum, which knows all
arrivals, would have served the request. There are many optima: that one counts which serves fewest of the refused requests.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from experiments.cli import compose, positive
from experiments.config.build import Setup, build
from experiments.results import summarize
from experiments.results.text import Table
from experiments.runner import simulate
from experiments.studies.bound import TIME_LIMIT, bound_of
from experiments.studies.grid import Cell, Policy, Spread, described
from experiments.studies.hidden import refuse_hidden, refuse_renamed
from experiments.studies.options import NEW, seeds_of, study_parser
from experiments.studies.study import open_study, run_study
from experiments.workload import Workload

POLICIES = tuple(Policy(name, ("solver=highs", f"engine.admission={name}")) for name in ("all", "promise", "refuse"))
CELLS = (
    Cell("uniform 12, 1.1", ("workload=uniform", "workload.rate=12", "workload.slo_scale=1.1")),
    Cell("skewed 12, 1.5", ("workload=skewed", "workload.rate=12", "workload.slo_scale=1.5")),
    Cell("uniform 36, 1.2", ("workload=uniform", "workload.rate=36", "workload.slo_scale=1.2")),
    Cell("skewed 36, 1.2", ("workload=skewed", "workload.rate=36", "workload.slo_scale=1.2")),
    Cell("uniform 60, 1.5", ("workload=uniform", "workload.rate=60", "workload.slo_scale=1.5")),
    Cell("uniform 60, 3", ("workload=uniform", "workload.rate=60", "workload.slo_scale=3")),
)
"""The paper's loads, then overload: requests per minute, and the scale of deadlines."""


@dataclass(frozen=True, slots=True)
class AdmissionRun:
    """A run with a policy of admission.

    Parameters
    ----------
    cell, policy, seed
        Of the run.
    requests, on_time, promised, kept, refused
        Counts.
    served_by_optimum
        Refused requests that are on time in the clairvoyant optimum which serves fewest of them.
    bound
        Requests on time that no schedule exceeds.
    """

    cell: str
    policy: str
    seed: int
    requests: int
    on_time: int
    promised: int
    kept: int
    refused: int
    served_by_optimum: int
    bound: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = study_parser(
        "admission",
        "Serve the same requests with every policy of admission, and judge promises and refusals.",
        "--seeds 2 workload.requests=100",
        seeds=10,
        directory=NEW,
    )
    parser.add_argument(
        "--time-limit", type=positive, default=TIME_LIMIT, help=f"seconds for each optimum (default {TIME_LIMIT:g})"
    )
    return run_study(parser, _command, arguments)


def _command(options: argparse.Namespace) -> None:
    grid = [Cell(cell.label, (*cell.overrides, *options.overrides)) for cell in CELLS]
    refuse_renamed(options.overrides, CELLS)
    refuse_hidden(grid, POLICIES)
    seeds = seeds_of(options)
    with open_study("admission", options, described(grid, POLICIES), seeds, fresh=True) as study:
        work = []
        for cell in grid:
            configs = {policy.name: compose([*cell.overrides, *policy.overrides]) for policy in POLICIES}
            for config in configs.values():
                build(config)
            work += [
                (cell.label, {n: c | {"seed": seed} for n, c in configs.items()}, options.time_limit) for seed in seeds
            ]
        found = study.jobs.do("runs", _runs, work, CellRuns)
        rows = [row for each in found for row in each.rows]
        study.table("table", admission_table(rows))
        study.rows("runs", rows)


@dataclass(frozen=True, slots=True)
class CellRuns:
    """The runs of one cell and seed."""

    rows: tuple[AdmissionRun, ...]


def _runs(cell: str, configs: dict[str, dict[str, Any]], time_limit: float) -> CellRuns:
    rows, optimum = [], None
    for policy, config in configs.items():
        setup = build(config)
        optimum = optimum or bound_of(setup, time_limit)
        records = simulate(setup)
        s = summarize(records, setup.service.cluster)
        also = (
            len(records.refused.keys() & _optimum_without(setup, records.refused, time_limit)) if records.refused else 0
        )
        rows.append(
            AdmissionRun(
                cell, policy, config["seed"], s.requests, s.on_time, s.promised, s.kept, s.refused, also, optimum.upper
            )
        )  # fmt: skip
    return CellRuns(tuple(rows))


def _optimum_without(setup: Setup, refused: Collection[int], time_limit: float) -> set[int]:
    """Return the ids of a clairvoyant optimum that serves as few of some requests as one can.

    All others weigh a little more; together less than half of what the least request weighs.
    """
    requests = setup.workload.requests
    more = 1.0 + 0.5 * min(r.weight for r in requests) / sum(r.weight for r in requests)
    told = tuple(r if r.id in refused else replace(r, weight=more * r.weight) for r in requests)
    return set(bound_of(replace(setup, workload=Workload(setup.workload.name, told)), time_limit).on_time)


def admission_table(rows: Sequence[AdmissionRun]) -> Table:
    """Return a row per cell and policy, with 95 % intervals over seeds."""
    table = [
        ["cell", "admission", "on time", "±", "less all", "±", "promised", "kept", "refused", "optimum serves", "bound"]
    ]
    by_seed = {(row.cell, row.policy, row.seed): row for row in rows}
    for cell, policy in dict.fromkeys((row.cell, row.policy) for row in rows):
        mine = [row for row in rows if (row.cell, row.policy) == (cell, policy)]
        sar = Spread.of([row.on_time / row.requests for row in mine])
        less = Spread.of([(row.on_time - by_seed[cell, "all", row.seed].on_time) / row.requests for row in mine])
        requests, promised, refused = (
            sum(getattr(row, name) for row in mine) for name in ("requests", "promised", "refused")
        )
        table.append(
            [
                cell,
                policy,
                f"{sar.mean:.3f}",
                sar.half(3),
                *(("", "") if policy == "all" else (f"{less.mean:+.3f}", less.half(3))),
                f"{promised / requests:.3f}" if policy != "all" else "",
                f"{sum(row.kept for row in mine) / promised:.4f}" if promised else "",
                f"{refused / requests:.3f}" if refused else "",
                f"{sum(row.served_by_optimum for row in mine) / refused:.3f}" if refused else "",
                f"{Spread.of([row.bound / row.requests for row in mine]).mean:.3f}",
            ]
        )
    return table
