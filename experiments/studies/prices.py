"""What a price per GPU-second changes in a run: ``python -m experiments.prices``.

``objective=cost`` is worth the weight of each request on time less a price per GPU-second. Both programs serve the same
requests at several prices; what is counted is what the run consumed, not what a certificate says.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from experiments.results.text import Table
from experiments.studies.grid import Cell, Policy, Result, Spread, described, run_all
from experiments.studies.hidden import refuse_hidden, refuse_renamed
from experiments.studies.options import NEW, seeds_of, study_parser
from experiments.studies.study import open_study, run_study

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
            [cell, policy, f"{sar.mean:.3f}", sar.half(3), f"{used.mean:.0f}", used.half(0),
             f"{p50.mean:.2f}", f"{p95.mean:.2f}"]
        )  # fmt: skip
    return rows


@dataclass(frozen=True, slots=True)
class Used:
    """What a run attained, and what it took."""

    cell: str
    policy: str
    seed: int
    sar: float
    gpu_seconds: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = study_parser(
        "prices",
        "Serve the same requests at several prices per GPU-second, with both programs.",
        "--seeds 4 workload.requests=100",
        seeds=10,
        directory=NEW,
    )
    return run_study(parser, _command, arguments)


def _command(options: argparse.Namespace) -> None:
    grid = [Cell(cell.label, (*cell.overrides, *options.overrides)) for cell in CELLS]
    seeds = seeds_of(options)
    chosen = policies(PRICES)
    refuse_renamed(options.overrides, CELLS)
    refuse_hidden(grid, chosen)
    with open_study("prices", options, described(grid, chosen), seeds, fresh=True) as study:
        results = run_all(grid, chosen, seeds, study.jobs)
        study.table("table", price_table(results))
        study.rows(
            "runs", [Used(r.cell, r.policy, r.seed, r.summary.weighted_sar, r.summary.gpu_seconds) for r in results]
        )
