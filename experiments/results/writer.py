"""The files of a run, written while it runs, each in one piece: an interruption leaves readable tables."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from executor.records import Records
from experiments.results.directory import MANIFEST
from experiments.results.summary import Summary
from experiments.results.tables import (
    requests_table,
    rounds_table,
    segments_table,
    stages_table,
    timings_table,
    write_table,
)

TABLES = {
    "requests.parquet": requests_table,
    "rounds.parquet": rounds_table,
    "segments.parquet": segments_table,
    "stages.parquet": stages_table,
    "timings.parquet": timings_table,
}
SUMMARY, WALL = "summary.json", "wall.json"
DRAWINGS = ("trace.json", "trace.json.gz", "timeline.png", "timeline.pdf")
FILES = (*TABLES, SUMMARY, WALL, MANIFEST, *DRAWINGS)
"""Every file of a run."""

_FIRST = 1.0
"""Seconds after which a run has tables for the first time."""
_LOAD = 20.0
"""Writing takes at most one part in so many of the time, however large the tables become."""


class RunWriter:
    """Writes a run to a directory made ready by :func:`experiments.results.directory.prepare_directory`.

    Parameters
    ----------
    directory
        Where.
    clock
        Seconds on a real clock that only goes forward, such as :func:`time.monotonic`.
    interval
        Seconds between two checkpoints at least; longer where writing takes more than a twentieth of them. The first comes
        after a second.
    """

    def __init__(self, directory: Path, clock: Callable[[], float], interval: float = 5.0) -> None:
        self._directory = directory
        self._clock = clock
        self._interval = interval
        self._next = clock() + min(interval, _FIRST)

    def start(self, manifest: Mapping[str, Any]) -> None:
        """Write the manifest before the run, so that even a run that is killed says what it was."""
        write_json(manifest, self._directory / MANIFEST)

    def checkpoint(self, records: Records) -> bool:
        """Rewrite the tables if it is time to, and say whether it was; cheap to call often."""
        began = self._clock()
        if began < self._next:
            return False
        self.write(records)
        ended = self._clock()
        self._next = ended + max(self._interval, _LOAD * (ended - began))
        return True

    def write(self, records: Records) -> None:
        """Rewrite the tables now; requests still in flight get the fate ``unfinished``."""
        for name, make in TABLES.items():
            _replace(self._directory / name, partial(write_table, make(records)))

    def finish(self, records: Records, summary: Summary, manifest: Mapping[str, Any]) -> None:
        """Write everything: tables, summary, wall-clock figures, manifest; also for an interrupted run."""
        self.write(records)
        write_json(summary.to_dict(wall=False), self._directory / SUMMARY)
        write_json(summary.to_dict()["wall"], self._directory / WALL)
        write_json(manifest, self._directory / MANIFEST)


def write_json(data: Mapping[str, Any], path: Path) -> None:
    """Write plain data as JSON in one piece; what JSON does not know, such as a path, as its text."""
    text = json.dumps(data, indent=1, default=str) + "\n"
    _replace(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a file beside ``path``, then put it in its place; if that fails, leave nothing."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
