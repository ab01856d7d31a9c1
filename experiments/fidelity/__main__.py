"""How well simulation tells what real workers do: ``python -m experiments.fidelity``.

Serves the same requests on real workers several times and in simulation, and compares them end to end and by stage. Before
every real run the profile is measured anew on its workers, and other requests are served to see what steps take in service.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from executor.records import Records
from executor.service import PlannerLatency
from experiments.cli import Parser, compose, count
from experiments.config.build import Setup, build
from experiments.distributed.engine import engine_config, serve_on_workers
from experiments.distributed.prepare import check, expected_of, measured, say
from experiments.fidelity.figures import Figures, figures
from experiments.fidelity.report import REAL, draw, figure_rows, table, verdicts
from experiments.fidelity.service import Observed, in_service, pooled
from experiments.runner import simulate
from experiments.studies.options import USELESS
from experiments.studies.study import Study, open_study, run_study
from profiles import Profile, save_profile

if TYPE_CHECKING:
    from rich.console import Console

    from executor.distributed.config import EngineConfig
    from executor.distributed.controller.crew import Crew

ALONE, SERVICE = "simulated", "in service"
"""Simulations: with steps measured alone, and with steps as other requests met them."""

REQUESTS = 60
"""Requests of a run, unless told otherwise: enough that one of them is less than the tolerance of SAR."""

OTHER_REQUESTS = 1000
"""Added to the seed of the run for requests that only show what steps take in service."""

LEGEND = (
    "±: standard deviation of the real runs. simulated: steps, texts and images as measured alone. in service: as runs with "
    "other requests met them, with decisions as long as there. ok: SAR within 0.03, latencies within 5 %; noise: further, "
    "but among the real runs; off: neither."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return run_study(_parser(), _compare, arguments)


def _compare(options: argparse.Namespace) -> None:
    from rich.console import Console

    console = Console()
    config = compose(["engine=distributed", f"workload.requests={REQUESTS}", *options.overrides])
    if "repeats" not in config["profile"]:
        raise ValueError("experiments.fidelity measures the profile itself; leave profile=... out")
    setup = check(config)
    engine = engine_config(config, None)
    with open_study("fidelity", options, config, [config["seed"]], fresh=True) as study:
        _serve_all(study, setup, config, engine, options.repeats, console)


def _serve_all(
    study: Study, setup: Setup, config: Mapping[str, Any], engine: EngineConfig, repeats: int, console: Console
) -> None:
    """Serve the same requests on workers and in simulation, and write what came of it."""
    from executor.distributed.controller.crew import Crew

    cluster = setup.service.cluster
    profiles: list[Profile] = []
    others: list[Observed] = []
    real: list[Figures] = []
    for repeat in range(repeats):
        console.print(f"Repeat {repeat + 1} of {repeats}", style="bold")
        with Crew(engine, cluster, expected=expected_of(config, setup), say=partial(say, console)) as crew:
            profiles.append(measured(config, crew, console))
            setup = setup if repeat else build(config, profiles[0])
            other = build({**config, "seed": config["seed"] + OTHER_REQUESTS + repeat}, profiles[0])
            others.append(_serve(other, crew)[1])
            records, _ = _serve(setup, crew)
        real.append(figures(records, cluster))
        shown = ", ".join(f"{name} {real[-1][name]:.3f}" for name in ("SAR", "latency p50", "latency p95"))
        console.print(f"  real: {shown}", highlight=False)
    alone = pooled(profiles)
    service = in_service(alone, others)
    runs = {
        REAL: real,
        ALONE: _simulated(setup, alone, PlannerLatency("measured"), repeats),
        SERVICE: _simulated(setup, service, PlannerLatency("fixed", _mean_decision(others)), repeats),
    }
    study.write("profile.json", lambda path: save_profile(alone, path))
    study.write("in_service.json", lambda path: save_profile(service, path))
    study.rows("runs", figure_rows(runs))
    study.write("fidelity.png", lambda path: draw(runs, path))
    study.table("table", table(runs), f"{setup.title}: {len(setup.workload.requests)} requests, {repeats} real runs")
    console.print(LEGEND, style="dim")
    for sentence in verdicts(runs):
        console.print(sentence, highlight=False)


def _serve(setup: Setup, crew: Crew) -> tuple[Records, Observed]:
    """Serve on real workers, and return what they measured as well."""
    records = serve_on_workers(setup, crew)
    for request, reason in records.failed.items():
        raise ValueError(f"request {request} could not be served, so that runs cannot be compared: {reason}")
    decisions = tuple(decision.total_seconds for decision in records.decisions)
    return records, Observed(tuple(records.requests), tuple(records.segments), tuple(records.staged), decisions)


def _simulated(setup: Setup, truth: Profile, latency: PlannerLatency, repeats: int) -> list[Figures]:
    """Simulate the same requests several times, each with other noise."""
    service = replace(setup.service, latency=latency)
    runs = [replace(setup, service=service, truth=truth, seed=setup.seed + repeat) for repeat in range(repeats)]
    made = [figures(simulate(run), setup.service.cluster) for run in runs]
    return [run | {"decision": latency.seconds} for run in made] if latency.kind == "fixed" else made


def _mean_decision(others: Sequence[Observed]) -> float:
    seconds = [second for run in others for second in run.decisions]
    return sum(seconds) / len(seconds)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m experiments.fidelity",
        description="Serve the same requests on real workers and in simulation, and compare them stage by stage.",
        epilog="example: python -m experiments.fidelity --repeats 5 engine.model=sd3 workload.requests=60",
    )
    parser.add_argument("overrides", nargs="*", help="overrides, as of experiments.run engine=distributed")
    parser.add_argument("--repeats", type=count, default=5, help="real runs of the same requests")
    parser.add_argument("--output", type=Path, help="directory for table, rows, picture, profiles and manifest")
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier comparison in that directory")
    useless = {name: USELESS[name] for name in ("output=", "overwrite=")}
    useless |= {"resume=": "nothing: real runs are made together", "name=": "nothing: figures are named by what serves"}
    parser.set_defaults(resume=False, jobs=1, on="cores", useless=useless)
    return parser


if __name__ == "__main__":
    sys.exit(main())
