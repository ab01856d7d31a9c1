"""Many runs as one table, and their requests as another: ``python -m experiments.collect DIR... --output OUT``."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from experiments.cli import Parser
from experiments.results.directory import MANIFEST, read_manifest
from experiments.results.text import print_table
from experiments.results.writer import SUMMARY
from experiments.studies.study import open_study, run_study

FIGURES = ("weighted_sar", "on_time", "requests", "latency_p50", "latency_p95", "utilization", "gpu_seconds")
"""Printed; the files have all figures of a summary."""
_NOT_CONFIGURED = ("output", "overwrite", "name")


def find(directories: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Return the complete runs in some directories and below, and those that were not finished.

    Raises
    ------
    ValueError
        If a directory is not there.
    """
    runs: dict[Path, None] = {}
    for directory in directories:
        if not directory.is_dir():
            raise ValueError(f"{directory} is no directory; give directories of runs, or of sweeps")
        for path in sorted(directory.rglob(MANIFEST)):
            made = read_manifest(path.parent)
            if made is not None and made.get("kind") == "run":
                runs[path.parent] = None
    done = [run for run in runs if (run / SUMMARY).is_file()]
    return done, [run for run in runs if run not in done]


def runs_table(runs: Sequence[Path]) -> tuple[pd.DataFrame, list[str]]:
    """Return a row per run (where it is, what of its configuration varies, its key figures), and the names of what varies."""
    configs = pd.json_normalize([_config(run) for run in runs])
    text = configs.map(lambda value: json.dumps(value, sort_keys=True, default=str))
    varied = [name for name in configs.columns if text[name].nunique() > 1]
    chosen = configs[varied].copy()
    for name in varied:
        if chosen[name].map(lambda value: isinstance(value, list | dict)).any():
            chosen[name] = text[name]
    figures = pd.DataFrame([_figures(run) for run in runs])
    return pd.concat([pd.Series([str(run) for run in runs], name="run"), chosen, figures], axis=1), varied


def requests_table(runs: Sequence[Path], table: pd.DataFrame, varied: Sequence[str]) -> pd.DataFrame:
    """Return a row per request of every run, with the run and what varies before its own columns."""
    parts = []
    for run, (_, row) in zip(runs, table.iterrows(), strict=True):
        part = pd.read_parquet(run / "requests.parquet")
        for at, name in enumerate(["run", *varied]):
            part.insert(at, name, row[name])
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _config(run: Path) -> dict[str, Any]:
    made = read_manifest(run)
    assert made is not None
    return {key: value for key, value in made["config"].items() if key not in _NOT_CONFIGURED}


def _figures(run: Path) -> dict[str, Any]:
    """Return the figures of a summary; those by shape and tier under names of their own."""
    summary = json.loads((run / SUMMARY).read_text(encoding="utf-8"))
    flat = {
        key: math.nan if value is None else value
        for key, value in summary.items()
        if not isinstance(value, list | dict)
    }
    for kind, plural in (("shape", "shapes"), ("tier", "tiers")):
        flat |= {f"sar {one[kind] or 'no tier'}": one["sar"] for one in summary[plural]}
    return flat


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = Parser(
        prog="python -m experiments.collect",
        description="Put many runs into one table, and their requests into another, as CSV and Parquet.",
        epilog="example: python -m experiments.collect results/sweep_2026-11-26_12-00-00 --output results/all",
    )
    parser.add_argument("directories", type=Path, nargs="+", metavar="DIR", help="runs, sweeps, or what they are below")
    parser.add_argument("--output", type=Path, metavar="DIR", help="for the tables (default: runs are only printed)")
    parser.add_argument("--overwrite", action="store_true", help="replace earlier tables of this command there")
    parser.set_defaults(overrides=[], useless={}, resume=False, jobs=1, on="cores")
    return run_study(parser, _command, arguments)


def _command(options: argparse.Namespace) -> None:
    runs, unfinished = find(options.directories)
    for run in unfinished:
        print(f"note: {run} was not finished and is left out", file=sys.stderr)
    if not runs:
        raise ValueError(f"there is no finished run in {', '.join(map(str, options.directories))}")
    table, varied = runs_table(runs)
    with open_study("collect", options, {"runs": [str(run) for run in runs]}) as study:
        rows = table[[*(varied or ["run"]), *FIGURES]]
        head = [name.removeprefix("workload.") for name in rows.columns]
        print_table([head, *([_text(value) for value in row] for row in rows.itertuples(index=False))])
        for name, frame in (("runs", table), ("requests", requests_table(runs, table, varied))):
            study.write(f"{name}.csv", lambda path, frame=frame: frame.to_csv(path, index=False))  # type: ignore[misc]
            study.write(f"{name}.parquet", lambda path, frame=frame: frame.to_parquet(path, index=False))  # type: ignore[misc]


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main())
