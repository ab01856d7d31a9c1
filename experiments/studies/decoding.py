"""Where images are decoded, and what that changes: ``python -m experiments.decoding``.

The same requests with one worker for stages, with two, and on the GPUs of the groups that did the last steps
(``engine.decode=group``), for profiles of three models whose images take a little or much beside their steps. Workers for
stages are beside the GPUs: each of them is hardware that a run on groups does not have.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.results.text import Table
from experiments.studies.grid import Cell, Policy, Result, Spread, described, run_all
from experiments.studies.hidden import refuse_hidden, refuse_renamed
from experiments.studies.options import NEW, seeds_of, study_parser
from experiments.studies.study import open_study, run_study

PLACES = (
    Policy("1 worker", ("solver=highs", "engine.decode=workers", "engine.stage_workers=1")),
    Policy("2 workers", ("solver=highs", "engine.decode=workers", "engine.stage_workers=2")),
    Policy("group", ("solver=highs", "engine.decode=group", "engine.stage_workers=1")),
)
"""Who decodes."""

_TABLES = Path(os.path.relpath(Path(__file__).parents[2] / "docs" / "tables"))
_FLUX = ("profile=flux1-dev_h100",)
_QWEN = ("profile=file", f"profile.name={_TABLES / 'gpu' / 'h200-eager' / 'qwen-image_h200_eager.json'}")
_WAN = (
    *("profile=file", f"profile.name={_TABLES / 'wan' / 'wan-small_cpu.json'}", "workload.mix=profile"),
    *("cluster=switch", "cluster.gpus=2", "cluster.link=cpu", "engine.noise_cv=0.05"),
)
_SHARED = ("engine.stages=true", "workload.deadlines=stages", "workload.slo_scale=1.5")
CELLS = tuple(
    Cell(f"{name}, load {load:g}", (*overrides, *_SHARED, f"workload.load={load:g}"))
    for name, overrides, loads in (
        ("FLUX.1-dev, 8 H100", _FLUX, (0.7, 0.9)),
        ("Qwen-Image, 8 H200, 1 each", _QWEN, (0.7, 1.0)),
        ("small Wan, 2 processes", _WAN, (0.5, 0.8)),
    )
    for load in loads
)
"""Eight GPUs of a fitted and of a measured model, and two processes whose videos take longer to decode than a few steps."""


def place_table(results: Sequence[Result]) -> Table:
    """Return a row per cell and place: attainment with a 95 % interval over seeds, and how busy GPUs and workers were."""
    rows = [["cell", "decode", "SAR", "±", "GPUs busy", "of it images", "workers busy", "p50", "image there p95"]]
    for cell, place in dict.fromkeys((result.cell, result.policy) for result in results):
        runs = [result.summary for result in results if (result.cell, result.policy) == (cell, place)]
        sar = Spread.of([run.weighted_sar for run in runs])
        stages = [run.stages for run in runs if run.stages is not None]
        images = [s.gpu_seconds / run.gpu_seconds for s, run in zip(stages, runs, strict=True)]
        rows.append(
            [cell, place, f"{sar.mean:.3f}", sar.half(3), f"{_mean([run.utilization for run in runs]):.3f}",
             f"{_mean(images):.3f}", f"{_mean([s.utilization for s in stages]):.3f}",
             f"{_mean([run.latency_p50 for run in runs]):.2f}", f"{_mean([s.image_p95 for s in stages]):.2f}"]
        )  # fmt: skip
    return rows


def _mean(values: Sequence[float]) -> float:
    return Spread.of(values).mean


@dataclass(frozen=True, slots=True)
class Served:
    """What a run attained, and what it took."""

    cell: str
    decode: str
    seed: int
    sar: float
    utilization: float
    gpu_seconds: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = study_parser(
        "decoding",
        "Serve the same requests with images decoded by workers for stages and by GPUs of the groups.",
        "--seeds 4 workload.requests=100",
        seeds=5,
        directory=NEW,
    )
    return run_study(parser, _command, arguments)


def _command(options: argparse.Namespace) -> None:
    grid = [Cell(cell.label, (*cell.overrides, *options.overrides)) for cell in CELLS]
    seeds = seeds_of(options)
    refuse_renamed(options.overrides, CELLS)
    refuse_hidden(grid, PLACES)
    with open_study("decoding", options, described(grid, PLACES), seeds, fresh=True) as study:
        results = run_all(grid, PLACES, seeds, study.jobs)
        study.table("table", place_table(results))
        study.rows(
            "runs",
            [
                Served(r.cell, r.policy, r.seed, r.summary.weighted_sar, r.summary.utilization, r.summary.gpu_seconds)
                for r in results
            ],
        )
