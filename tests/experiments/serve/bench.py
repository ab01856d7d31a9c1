"""A live server beside its simulation, and what it adds to a request: ``make tables-live`` writes docs/tables/live.

Times are of one machine, with client and server on the same two cores.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from experiments.cli import compose
from experiments.config.build import build
from experiments.load.__main__ import as_records
from experiments.load.client import Sent, Target, load
from experiments.results import summarize
from experiments.results.percentile import percentile
from experiments.results.text import Table, markdown
from experiments.runner import simulate
from experiments.serve.journal import JOURNAL, read_journal
from tests.experiments.serve.house import serving

PAPER = ("workload.requests=300", "workload.rate=12", "workload.slo_scale=1.5")
FLOOD = (
    "workload=custom",
    "workload.classes=[{shape: 256, steps: 2, share: 1, slo_seconds: 2}]",
    "workload.rate=12000",
    "workload.requests=12000",
)
LOOKS = (1_000, 2_000, 4_000, 8_000, 12_000)
"""Answers after which the flooded server's memory is looked at."""


def served(
    folder: Path, speed: float, overrides: tuple[str, ...], *server: str
) -> tuple[list[Sent], float, float, float]:
    """Return what clients saw, attainment by them, by the server and by simulation."""
    setup = build(compose(list(overrides)))
    directory = folder / f"session-{len(list(folder.iterdir()))}"
    with serving(directory, f"engine.speed={speed}", *server) as made:
        sent = asyncio.run(load(setup.workload.requests, Target(made.url, speed=speed), lambda _: None))
        made.stop()
    cluster = setup.service.cluster
    client = summarize(as_records(setup, sent, speed), cluster).sar
    return (
        sent,
        client,
        summarize(read_journal(directory / JOURNAL).records, cluster).sar,
        summarize(simulate(setup), cluster).sar,
    )


def flooded(folder: Path) -> tuple[list[Sent], float, dict[int, float]]:
    """Return what clients saw of a flood, attainment, and the server's resident megabytes after so many answers."""
    setup = build(compose([*FLOOD, "cluster.gpus=64"]))
    held: dict[int, float] = {}
    answered = 0
    with serving(folder / "flood", "cluster.gpus=64") as made:

        def count(_: Sent) -> None:
            nonlocal answered
            answered += 1
            if answered in LOOKS:
                held[answered] = _resident(made.process.pid)

        sent = asyncio.run(load(setup.workload.requests, Target(made.url), count))
        made.stop()
    return sent, summarize(as_records(setup, sent, 1.0), setup.service.cluster).sar, held


def _resident(pid: int) -> float:
    """Megabytes of a process that are in memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def overheads(folder: Path) -> list[float]:
    """Return the milliseconds that requests took beyond their steps, one after the other on eight GPUs."""
    overrides = ("workload=homogeneous", "workload.requests=200", "workload.rate=300")
    setup = build(compose(list(overrides)))
    directory = folder / "overhead"
    with serving(directory, "engine.noise=0") as made:
        requests = [replace(r, steps=2, arrival=0.2 * r.id, deadline=0.2 * r.id + 3.0) for r in setup.workload.requests]
        sent = asyncio.run(load(requests, Target(made.url), lambda _: None))
        made.stop()
    segments = {job: s for s in read_journal(directory / JOURNAL).records.segments for job in s.jobs}
    return sorted(
        1e3 * (each.ended - each.sent - (segments[each.request].end - segments[each.request].start)) for each in sent
    )


def main(output: Path) -> None:
    """Measure everything, and write the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _, client, server, simulated = served(folder, 10.0, PAPER)
        extra = overheads(folder)
        sent, flood, held = flooded(folder)
    table: Table = [
        ["what", "value"],
        ["paper's workload at speed 10, on time in simulation", f"{simulated:.3f}"],
        ["the same live, by the server's count", f"{server:.3f}"],
        ["the same live, by its clients' count", f"{client:.3f}"],
        ["milliseconds beyond a request's steps, p50", f"{percentile(extra, 50):.1f}"],
        ["the same, p99", f"{percentile(extra, 99):.1f}"],
        ["requests at 200 a second on 64 GPUs for a minute", f"{len(sent)}"],
        ["of them answered once", f"{sum(each.status == 200 for each in sent)}"],
        ["of them on time", f"{flood:.3f}"],
        *([f"megabytes that the server holds after {count:,} answers", f"{held[count]:.0f}"] for count in LOOKS),
    ]
    output.mkdir(parents=True, exist_ok=True)
    (output / "table.md").write_text(markdown(table), encoding="utf-8")
    print(markdown(table))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
