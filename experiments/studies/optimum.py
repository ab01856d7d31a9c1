"""The optimal schedule of a few requests, with proof, and what it takes to find it: ``python -m experiments.optimum``.

The paper's Table 6 asks how long an exact plan takes, and its exhaustive search needs over a minute for three requests on
eight GPUs. Here a schedule of whole steps on concrete groups meets a bound that no schedule exceeds
(:mod:`planner.optimum`); where the two meet, the schedule is optimal, and that pair is the proof.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from experiments.cli import compose, count, positive
from experiments.config.build import build
from experiments.results.text import Table
from experiments.studies.bound import NO_PLANNER
from experiments.studies.options import refuse, seeds_of, study_parser
from experiments.studies.study import open_study, run_study
from planner.optimum import optimum

DEFAULTS = ("workload.rate=60", "workload.slo_scale=1.5")
"""So many requests at once that not all can be served."""
_USELESS = NO_PLANNER | {"engine.": "nothing: steps take what the profile says"}
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


def prove(config: Mapping[str, Any], time_limit: float) -> Proof:
    """Find the optimal schedule of a workload, in so many seconds."""
    setup = build(config)
    cluster, requests = setup.service.cluster, setup.workload.requests
    found = optimum(requests, cluster, setup.truth, time_limit)
    return Proof(cluster.gpus, len(requests), setup.seed, found.value, found.upper, found.proven, found.seconds)


def proof_table(proofs: Sequence[Proof]) -> Table:
    """Return a row per number of GPUs and requests, over seeds."""
    rows = [["GPUs", "requests", "on time", "bound", "proven optimal", "median s", "slowest s"]]
    for gpus, requests in dict.fromkeys((proof.gpus, proof.requests) for proof in proofs):
        own = [proof for proof in proofs if (proof.gpus, proof.requests) == (gpus, requests)]
        rows.append([
            str(gpus),
            str(requests),
            f"{statistics.fmean(proof.value for proof in own):.1f}",
            f"{statistics.fmean(proof.bound for proof in own):.1f}",
            f"{sum(proof.proven for proof in own)} of {len(own)}",
            f"{statistics.median(proof.seconds for proof in own):.3f}",
            f"{max(proof.seconds for proof in own):.3f}",
        ])  # fmt: skip
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = study_parser(
        "optimum",
        "Find the optimal schedule of a few requests, with proof (the paper's Table 6).",
        "workload=skewed --requests 2 4 8 --gpus 8",
        seeds=10,
        jobs=1,
    )
    parser.add_argument("--requests", type=count, nargs="+", default=REQUESTS, help="how many (default 1 2 3 4 8 16)")
    parser.add_argument("--gpus", type=count, nargs="+", default=GPUS, help="on how many GPUs (default 4 8)")
    parser.add_argument("--time-limit", type=positive, default=60.0, help="seconds for each instance (default 60)")
    return run_study(parser, _command, arguments)


def _command(options: argparse.Namespace) -> None:
    refuse(options.overrides, {"cluster.gpus=": "--gpus", "workload.requests=": "--requests"} | _USELESS)
    seeds = seeds_of(options)
    work = []
    for gpus in dict.fromkeys(options.gpus):
        for requests in dict.fromkeys(options.requests):
            overrides = [*DEFAULTS, *options.overrides, f"cluster.gpus={gpus}", f"workload.requests={requests}"]
            config = compose(overrides)
            build(config | {"seed": seeds[0]})
            work += [(config | {"seed": seed}, options.time_limit) for seed in seeds]
    what = {"overrides": [*DEFAULTS, *options.overrides], "gpus": options.gpus, "requests": options.requests}
    with open_study("optimum", options, what, seeds) as study:
        proofs = study.jobs.do("schedules", prove, work, Proof)
        study.table("table", proof_table(proofs))
        study.rows("proofs", proofs)
