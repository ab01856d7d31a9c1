"""Every combination of some values, each a run with a directory of its own: ``python -m experiments.run -m``.

All are checked before the first starts. A run that is finished is not made again with ``--resume``.
"""

from __future__ import annotations

import argparse
import io
import re
import tarfile
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from experiments.cli import Parser, compose
from experiments.config.workers import joined
from experiments.results.directory import MANIFEST, prepare_directory, read_manifest
from experiments.results.text import Table
from experiments.results.writer import FILES, SUMMARY
from experiments.runner import run_to_directory
from experiments.serving import checked, is_real, ready
from experiments.studies.journal import job_of
from experiments.studies.options import NEW, add_work_options
from experiments.studies.study import open_study, run_study

SWITCHES = ("-m", "--multirun")


@dataclass(frozen=True, slots=True)
class Combination:
    """One run of a sweep.

    Parameters
    ----------
    name
        Of its directory: what varies and its values.
    varied
        The same, by field.
    overrides
        All that is overridden.
    """

    name: str
    varied: Mapping[str, str]
    overrides: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SweptRun:
    """What is kept of a run of a sweep.

    Parameters
    ----------
    name
        Of its directory.
    requests, on_time, weighted_sar, latency_p50, latency_p95, gpu_seconds
        See :class:`experiments.results.Summary`.
    archive
        Its files as a tar, from a machine that cannot write to the directory of the sweep; else empty.
    """

    name: str
    requests: int
    on_time: int
    weighted_sar: float
    latency_p50: float
    latency_p95: float
    gpu_seconds: float
    archive: bytes = b""


def combinations(overrides: Sequence[str]) -> list[Combination]:
    """Return every combination of overrides that have several values, in Hydra's grammar: ``a=1,2``, ``a=range(1,5)``."""
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
    from hydra.core.override_parser.overrides_parser import OverridesParser

    parsed = OverridesParser.create().parse_overrides(list(overrides))
    keys = [override.get_key_element().lstrip("+~") for override in parsed if override.is_sweep_override()]
    (batch,) = BasicSweeper.split_arguments(parsed, None)
    made = []
    for chosen in batch:
        pairs = [text.lstrip("+").partition("=") for text in chosen]
        varied = {key: value for key, _, value in pairs if key in keys}
        made.append(Combination(_name(varied), varied, tuple(chosen)))
    return _distinct(made)


def _name(varied: Mapping[str, str]) -> str:
    text = ",".join(f"{key}={value}" for key, value in varied.items())
    return re.sub(r"[^\w.,=+-]+", "-", text)[:180].strip("-.") or "run"


def _distinct(made: Sequence[Combination]) -> list[Combination]:
    """Number the names that occur more than once."""
    counts = Counter(one.name for one in made)
    seen: Counter[str] = Counter()
    named = []
    for one in made:
        seen[one.name] += 1
        name = f"{one.name}_{seen[one.name]}" if counts[one.name] > 1 else one.name
        named.append(Combination(name, one.varied, one.overrides))
    return named


def serve_job(name: str, config: Mapping[str, Any]) -> SweptRun:
    """Make one run of a sweep; ``output`` of the configuration is its directory, an absolute path."""
    directory = Path(config["output"])
    if (directory.parent / MANIFEST).exists():
        return _serve(name, config, prepare_directory(directory, "run", FILES, overwrite=True))
    with tempfile.TemporaryDirectory() as temporary:
        swept = _serve(name, config, Path(temporary))
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            tar.add(temporary, arcname=".")
    return replace(swept, archive=packed.getvalue())


def _serve(name: str, config: Mapping[str, Any], directory: Path) -> SweptRun:
    console = Console(stderr=True, quiet=not is_real(config))
    with joined(config["engine"]), ready(config, checked(config), directory, console) as (setup, runner):
        outcome = run_to_directory(setup, config, directory, runner=runner)
    s = outcome.summary
    if outcome.interrupted:
        raise KeyboardInterrupt
    return SweptRun(name, s.requests, s.on_time, s.weighted_sar, s.latency_p50, s.latency_p95, s.gpu_seconds)


def unpack(swept: SweptRun, directory: Path) -> SweptRun:
    """Write what came from another machine to the directory of the sweep."""
    if not swept.archive:
        return swept
    place = prepare_directory(directory / swept.name, "run", FILES, overwrite=True)
    with tarfile.open(fileobj=io.BytesIO(swept.archive)) as tar:
        tar.extractall(place, filter="data")
    return replace(swept, archive=b"")


def sweep_table(made: Sequence[Combination], results: Sequence[SweptRun]) -> Table:
    """Return a row per run: what varied, and its key figures."""
    keys = list(made[0].varied)
    rows = [[*(key.removeprefix("workload.") for key in keys), "SAR", "on time", "p50 s", "p95 s", "GPU-s"]]
    for one, r in zip(made, results, strict=True):
        figures = [
            f"{r.weighted_sar:.3f}",
            f"{r.on_time} of {r.requests}",
            f"{r.latency_p50:.2f}",
            f"{r.latency_p95:.2f}",
        ]
        rows.append([*one.varied.values(), *figures, f"{r.gpu_seconds:.0f}"])
    return rows if keys else [["run", *rows[0]], *(["run", *row] for row in rows[1:])]


def _clear(root: Path, names: Sequence[str]) -> None:
    """Delete the runs of an earlier sweep that this one does not have."""
    for manifest in root.glob(f"*/{MANIFEST}"):
        made = read_manifest(manifest.parent)
        if made is not None and made.get("kind") == "run" and manifest.parent.name not in names:
            directory = prepare_directory(manifest.parent, "run", FILES, overwrite=True)
            if not any(directory.iterdir()):
                directory.rmdir()


def sweep(arguments: Sequence[str]) -> int:
    """Entry point of ``experiments.run -m``; returns the exit code."""
    parser = Parser(
        prog="python -m experiments.run -m",
        description="Run every combination of overrides that have several values: seed=0,1,2 solver=dp,edf.",
        epilog="example: python -m experiments.run -m workload.rate=6,12,18 seed=range(0,5) --output results/rates",
    )
    parser.add_argument("overrides", nargs="*", help="overrides, some with several values: seed=0,1,2")
    add_work_options(parser, directory=NEW)
    parser.set_defaults(useless={})
    return run_study(parser, _command, [word for text in arguments for word in _as_option(text)])


def _as_option(text: str) -> list[str]:
    """Read what a single run takes as an override and a sweep as an option."""
    field, equals, value = text.partition("=")
    if field in ("overwrite", "resume") and value.lower() in ("true", "false"):
        return [f"--{field}"] if value.lower() == "true" else []
    return [f"--{field}", value] if field == "output" and equals else [text]


def _command(options: argparse.Namespace) -> None:
    made = combinations(options.overrides)
    configs, wrong = [], []
    for one in made:
        try:
            config = compose(one.overrides)
            with joined(config["engine"]):
                checked(config)
            configs.append(config)
        except ValueError as error:
            wrong.append(f"{one.name}: {error}")
    if wrong:
        listed = "\n  ".join(wrong)
        raise ValueError(f"{len(wrong)} of {len(made)} runs cannot be made, so none was begun:\n  {listed}")
    config = {"overrides": list(options.overrides), "runs": {one.name: list(one.overrides) for one in made}}
    if any(map(is_real, configs)):
        options.jobs = 1
    with open_study("sweep", options, config, fresh=True) as study:
        assert study.directory is not None
        root = study.directory.resolve()
        jobs = replace(study.jobs, on_result=lambda swept: unpack(swept, root))
        work = [(one.name, own | {"output": str(root / one.name)}) for one, own in zip(made, configs, strict=True)]
        _clear(root, [] if options.overwrite else [one.name for one in made])
        for name, own in work:
            if study.jobs.journal is not None and not (root / name / SUMMARY).exists():
                study.jobs.journal.forget(job_of(serve_job.__qualname__, (name, own)))
        results = jobs.do("runs", serve_job, work, SweptRun)
        study.table("table", sweep_table(made, results))
        print(
            f"A directory per run. All of them in one table: python -m experiments.collect {study.directory} --output OUT"
        )
