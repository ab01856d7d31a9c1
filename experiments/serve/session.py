"""A session as results: when a server stops, its journal becomes the tables of a run, and a trace for every other command."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from executor.records import Records
from experiments.results import RunWriter, Summary, draw_timeline, manifest, summarize
from experiments.results import write_trace as write_events
from experiments.results.writer import FILES as RUN_FILES
from experiments.serve.journal import JOURNAL, Session, read_journal
from experiments.workload import Workload, write_trace
from planner.cluster import Cluster
from profiles import Profile

TRACE = "trace.csv"
KIND = "session"
FILES = (*RUN_FILES, JOURNAL, TRACE, "images")


def started(config: Mapping[str, Any], profile: Profile, at: datetime) -> dict[str, Any]:
    """Return the manifest of a session that begins."""
    return manifest(config, {"engine": config["seed"]}, at, profile=profile, kind=KIND, files=FILES)


def finish(directory: Path, config: Mapping[str, Any], profile: Profile, cluster: Cluster, began: datetime) -> Summary:
    """Write the tables, pictures and trace of a session that has ended, and return its figures.

    Parameters
    ----------
    directory
        With its journal.
    config, profile, cluster
        Of the server.
    began
        When it did.
    """
    records = read_journal(directory / JOURNAL).records
    summary = summarize(records, cluster)
    writer = RunWriter(directory, lambda: 0.0)
    about = manifest(
        config, {"engine": config["seed"]}, began, datetime.now(UTC), profile=profile, kind=KIND, files=FILES
    )
    writer.finish(records, summary, about)
    for name, draw in (("trace.json.gz", write_events), ("timeline.png", draw_timeline)):
        try:
            draw(records, cluster, directory / name)
        except Exception as error:  # whatever goes wrong, the results stand
            print(f"warning: {directory / name} could not be made ({type(error).__name__}: {error})", file=sys.stderr)
    if records.requests:
        write_trace(as_workload(records, directory.name), directory / TRACE)
    return summary


def as_workload(records: Records, name: str) -> Workload:
    """Return what was asked for, also what was refused; what was taken back, nobody wanted."""
    wanted = [request for request in records.requests if request.id not in records.cancelled]
    return Workload(name, tuple(sorted(wanted or records.requests, key=lambda r: (r.arrival, r.id))))


def earlier(directory: Path) -> Session | None:
    """Return the session that a directory holds, if one has begun."""
    path = directory / JOURNAL
    return read_journal(path) if path.exists() and path.stat().st_size else None


def debts(session: Session) -> list[str]:
    """Say what a session that was killed owes: a line for every promised request that had not left."""
    return [
        f"request {r.id} ({r.shape.label}, {r.steps} steps) was promised by {r.deadline:.2f} s" for r in session.owed
    ]
