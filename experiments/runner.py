"""Run a setup: in memory for comparisons, or into a directory with tables, trace and picture."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from executor.emulated import EmulatedEngine
from executor.loop import serve
from executor.records import Records
from executor.simulated import SimulatedEngine
from executor.watch import Calls
from experiments.config.build import Setup
from experiments.results import RunWriter, Summary, draw_timeline, manifest, summarize, write_trace
from experiments.results.writer import FILES
from planner.plan import Plan
from planner.request import Request
from planner.round import Round

NOISE_STREAM = 1
"""Child of the seed that the engine's noise is drawn from; the workload uses the seed itself."""


@dataclass(frozen=True)
class Outcome:
    """What a run gave.

    Parameters
    ----------
    records
        Everything that happened.
    summary
        Its key figures.
    interrupted
        Whether the user stopped it.
    """

    records: Records
    summary: Summary
    interrupted: bool = False


def simulate(
    setup: Setup,
    records: Records | None = None,
    on_progress: Callable[[Records], None] | None = None,
    on_round: Callable[[Round, Plan], None] | None = None,
) -> Records:
    """Serve the workload of a setup on a simulated cluster.

    Parameters
    ----------
    setup
        The run.
    records
        To be filled in, for a caller that wants to read them while the run goes on.
    on_progress, on_round
        See :class:`executor.watch.Calls`.
    """
    records = Records(setup.workload.requests) if records is None else records
    return serve(setup.service, simulated_engine(setup, records.requests), records, watch=Calls(on_progress, on_round))


def emulate(
    speed: float, setup: Setup, records: Records, on_progress: Callable[[Records], None] | None = None
) -> Records:
    """Serve the workload of a setup on an emulated cluster, in real time.

    Parameters
    ----------
    speed
        Seconds of the cluster in a second of the clock.
    setup, records, on_progress
        As of :func:`simulate`.
    """
    engine = EmulatedEngine(simulated_engine(setup, records.requests), speed)
    return serve(setup.service, engine, records, watch=Calls(on_progress))


def simulated_engine(setup: Setup, requests: Sequence[Request]) -> SimulatedEngine:
    """Return the simulated cluster of a setup, for requests as far as they are known."""
    rng = np.random.default_rng([setup.seed, NOISE_STREAM])
    return SimulatedEngine(setup.service.cluster, setup.truth, requests, setup.physics, rng)


Runner = Callable[[Setup, Records, Callable[[Records], None]], Records]
"""Serves a setup, fills in the records, and calls the function while it does."""


def run_to_directory(
    setup: Setup,
    config: Mapping[str, Any],
    directory: Path,
    on_progress: Callable[[Records], None] | None = None,
    runner: Runner = simulate,
) -> Outcome:
    """Run a setup and leave its results in a directory made ready by ``prepare_directory``.

    The tables are rewritten while the run goes on; an interrupted run keeps what it had finished, and says so.

    Parameters
    ----------
    setup, config
        The run, and the configuration behind it for the manifest.
    directory
        Where.
    on_progress
        See :class:`executor.watch.Calls`.
    runner
        Carries the run out; by default in simulation.
    """
    started = datetime.now(UTC)
    seeds = {"workload": setup.seed, "engine": setup.seed}
    writer = RunWriter(directory, time.monotonic)
    writer.start(manifest(config, seeds, started, profile=setup.truth, files=FILES))
    records = Records(setup.workload.requests)
    interrupted = False

    def progress(current: Records) -> None:
        writer.checkpoint(current)
        if on_progress is not None:
            on_progress(current)

    try:
        runner(setup, records, progress)
    except KeyboardInterrupt:
        interrupted = True
    except BaseException:
        writer.write(records)
        raise
    summary = summarize(records, setup.service.cluster)
    ended = datetime.now(UTC)
    writer.finish(records, summary, manifest(config, seeds, started, ended, setup.truth, files=FILES))
    for name, draw in (("trace.json.gz", write_trace), ("timeline.png", draw_timeline)):
        try:
            draw(records, setup.service.cluster, directory / name)
        except Exception as error:  # whatever goes wrong, the results stand
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            print(f"warning: {directory / name} could not be made ({reason}); all tables are there", file=sys.stderr)
    return Outcome(records, summary, interrupted)
