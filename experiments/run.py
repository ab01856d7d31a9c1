"""The main job: serve one workload with one solver, and leave tables, a trace and a picture.

``python -m experiments.run --help`` explains everything that can be chosen.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from omegaconf import DictConfig

from executor.records import Records
from experiments.cli import guarded, plain, refuse_twice
from experiments.config import register
from experiments.config.build import Setup
from experiments.config.workers import joined
from experiments.results import prepare_directory, print_summary
from experiments.results.writer import FILES as RUN_FILES
from experiments.runner import Outcome, Runner, run_to_directory
from experiments.serving import checked, is_real, ready
from experiments.studies.sweep import SWITCHES, sweep
from experiments.workload import targets_in_words

if TYPE_CHECKING:
    from rich.console import Console

INTERRUPTED = 130


def run(config: Mapping[str, Any]) -> Outcome:
    """Run a composed configuration with a progress bar, then print its table and where its files are."""
    from rich.console import Console

    with joined(config["engine"]):
        return _run(config, Console())


def _run(config: Mapping[str, Any], console: Console) -> Outcome:
    setup = checked(config)
    directory = prepare_directory(
        config["output"] or _fresh_directory(setup), files=RUN_FILES, overwrite=config["overwrite"]
    )
    with ready(config, setup, directory, console) as (setup, runner):
        console.print(targets_in_words(setup.workload), highlight=False, soft_wrap=True)
        for note in setup.notes:
            console.print(f"note: {note}", highlight=False, soft_wrap=True)
        began = time.perf_counter()
        outcome = _with_progress_bar(setup, config, directory, runner)
        seconds = time.perf_counter() - began
    print_summary([outcome.summary], console, setup.title)
    state = (
        "Interrupted; what was finished is in" if outcome.interrupted else f"Done in {seconds:.1f} s. Results are in"
    )
    console.print(f"{state} [bold]{directory}[/bold]:", highlight=False, soft_wrap=True)
    for name, what in (FILES | (REAL_FILES if is_real(config) else {})).items():
        if (directory / name.split(" ")[0]).exists():
            console.print(f"  {name:<19} {what}", highlight=False, soft_wrap=True)
    return outcome


FILES = {
    "timeline.png": "the picture: one row per GPU, one colour per request",
    "trace.json.gz": "the same for ui.perfetto.dev",
    "requests.parquet": "a row per request (columns: docs/metrics.md)",
    "rounds.parquet": "a row per decision; segments.parquet: per stretch of steps; timings.parquet: wall-clock",
    "stages.parquet": "a row per text encoded and image decoded, where they take time",
    "summary.json": "the figures above; manifest.json: configuration, versions, machine, seeds",
}
REAL_FILES = {
    "images": "a PNG per request, or an MP4 where it has frames, with prompt, seed and request inside",
    "latents": "the final latents of every request",
    "profile.json": "what steps, text and images took on these workers before the run (profile=file reads it)",
}


def _fresh_directory(setup: Setup) -> Path:
    """Name a new directory below ``results`` after the time and the run."""
    stamp = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    words = f"{stamp}_{setup.service.solver.name}_{setup.workload.name}_seed{setup.seed}"
    path = Path("results") / words
    number = 2
    while path.exists():
        path = Path("results") / f"{words}_{number}"
        number += 1
    return path


def _with_progress_bar(setup: Setup, config: Mapping[str, Any], directory: Path, runner: Runner) -> Outcome:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("requests", total=len(setup.workload.requests))

        def show(records: Records) -> None:
            bar.update(task, completed=len(records.delivered) + len(records.dropped))

        return run_to_directory(setup, config, directory, show, runner)


def _command() -> int:
    register()
    refuse_twice(sys.argv[1:])
    composed: list[DictConfig] = []

    @hydra.main(version_base="1.3", config_name="tetriplan", config_path=None)
    def job(config: DictConfig) -> None:
        composed.append(config)

    job()  # Hydra has words of its own for what goes wrong in a job, so that nothing is done in it
    if not composed:  # it was asked to show something
        return 0
    return INTERRUPTED if run(plain(composed[0])).interrupted else 0


def main() -> None:
    """Entry point; a request to terminate ends a run as ctrl-C does, so that workers and their memory go with it.

    Also where a shell has started it with ``&``, and lets it ignore ctrl-C.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    arguments = sys.argv[1:]
    if any(switch in arguments for switch in SWITCHES):
        sys.exit(sweep([argument for argument in arguments if argument not in SWITCHES]))
    sys.exit(guarded(_command))


if __name__ == "__main__":
    main()
