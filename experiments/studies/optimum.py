"""The optimal schedule of a few requests, with proof, and what it takes to find it: ``python -m experiments.optimum``.

The paper's Table 6 asks how long an exact plan takes, and its exhaustive search needs over a minute for three requests on
eight GPUs. Here a schedule of whole steps on concrete groups meets a bound that no schedule exceeds
(:mod:`planner.optimum`); where the two meet, the schedule is optimal, and that pair is the proof.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from experiments.build import Setup, build
from experiments.cli import compose, guarded
from experiments.results import manifest, prepare_directory
from experiments.results.text import Table, markdown, print_table
from experiments.results.writer import write_json
from planner.optimum import optimum

DEFAULTS = ("workload.rate=60", "workload.slo_scale=1.5")
"""So many requests at once that not all can be served."""
REQUESTS = (1, 2, 3, 4, 8, 16)
GPUS = (4, 8)


@dataclass(frozen=True, slots=True)
class Proof:
    """What was found for one instance.

    Parameters
    ----------
    gpus, requests, seed
        Which instance.
    value, bound
        Weight on time under the schedule found, and at most under any.
    proven
        Whether both are equal.
    seconds
        Wall-clock time for schedule and bound together.
    """

    gpus: int
    requests: int
    seed: int
    value: float
    bound: float
    proven: bool
    seconds: float


def prove(setup: Setup, seed: int, time_limit: float) -> Proof:
    """Find the optimal schedule of a workload."""
    cluster = setup.service.cluster
    requests = setup.workload.requests
    found = optimum(requests, cluster, setup.truth, time_limit)
    return Proof(cluster.gpus, len(requests), seed, found.value, found.upper, found.proven, found.seconds)


def proof_table(proofs: Sequence[Proof]) -> Table:
    """Return a row per number of GPUs and requests, over seeds."""
    rows = [["GPUs", "requests", "on time", "bound", "proven optimal", "median s", "slowest s"]]
    for gpus, count in dict.fromkeys((proof.gpus, proof.requests) for proof in proofs):
        own = [proof for proof in proofs if (proof.gpus, proof.requests) == (gpus, count)]
        rows.append([
            str(gpus),
            str(count),
            f"{statistics.fmean(proof.value for proof in own):.1f}",
            f"{statistics.fmean(proof.bound for proof in own):.1f}",
            f"{sum(proof.proven for proof in own)} of {len(own)}",
            f"{statistics.median(proof.seconds for proof in own):.3f}",
            f"{max(proof.seconds for proof in own):.3f}",
        ])  # fmt: skip
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    options = _parser().parse_args(arguments)
    return guarded(lambda: _command(options))


def _command(options: argparse.Namespace) -> int:
    from rich.progress import track

    for name in ("seeds", "time_limit"):
        if getattr(options, name) <= 0:
            raise ValueError(f"--{name.replace('_', '-')} is {getattr(options, name)}; a positive number is needed")
    started = datetime.now(UTC)
    directory = None if options.output is None else prepare_directory(options.output, options.overwrite)
    config = {
        (gpus, count): compose([*DEFAULTS, *options.overrides, f"cluster.gpus={gpus}", f"workload.requests={count}"])
        for gpus in options.gpus
        for count in options.requests
    }
    setups = [(build(one | {"seed": seed}), seed) for one in config.values() for seed in range(options.seeds)]
    work = track(setups, "schedules", transient=True, disable=not sys.stderr.isatty())
    proofs = [prove(setup, seed, options.time_limit) for setup, seed in work]
    table = proof_table(proofs)
    print_table(table)
    if directory is not None:
        with (directory / "proofs.csv").open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(Proof.__slots__)
            writer.writerows([getattr(proof, name) for name in Proof.__slots__] for proof in proofs)
        (directory / "table.md").write_text(markdown(table))
        used = {f"seed {seed}": seed for seed in range(options.seeds)}
        what = {"overrides": [*DEFAULTS, *options.overrides], "gpus": options.gpus, "requests": options.requests}
        write_json(manifest(what, used, started, datetime.now(UTC)), directory / "manifest.json")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.optimum",
        description="Find the optimal schedule of a few requests, with proof (the paper's Table 6).",
        epilog="example: python -m experiments.optimum workload=skewed --requests 2 4 8 --gpus 8",
    )
    parser.add_argument("overrides", nargs="*", help="overrides, as of experiments.run: workload=skewed")
    parser.add_argument("--requests", type=int, nargs="+", default=REQUESTS, help="how many (default 1 2 3 4 8 16)")
    parser.add_argument("--gpus", type=int, nargs="+", default=GPUS, help="on how many GPUs (default 4 8)")
    parser.add_argument("--seeds", type=int, default=10, help="instances of each (default 10)")
    parser.add_argument("--time-limit", type=float, default=60.0, help="seconds for each instance (default 60)")
    parser.add_argument("--output", type=Path, help="directory for proofs.csv, table.md, manifest.json (default: none)")
    parser.add_argument("--overwrite", action="store_true", help="replace earlier results there")
    return parser
