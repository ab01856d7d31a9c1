"""Whether those who look on slow the planner: ``make tables-page`` writes docs/tables/page.

The same requests go to servers on which nobody looks, one reader of ``/events`` and ten; decision times are set beside those
of the servers that nobody looked at, in the same run. Servers take turns, so that what else the machine does falls on all.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from experiments.cli import compose
from experiments.config.build import build
from experiments.load.client import Target, load
from experiments.results.percentile import percentile
from experiments.results.text import Table, markdown
from experiments.serve.journal import JOURNAL, read_journal
from tests.experiments.serve.house import serving

TURNS, SPEED, READERS = 3, 10.0, (0, 1, 10)
CLUSTERS = {8: 36, 64: 288}
"""GPUs, and requests per minute."""

READER = """
import sys, threading, urllib.request
def read():
    with urllib.request.urlopen(sys.argv[1] + "/events") as answer:
        while answer.read1(65536):
            pass
threads = [threading.Thread(target=read) for _ in range(int(sys.argv[2]))]
[thread.start() for thread in threads]
"""


@contextmanager
def looked_at(url: str, readers: int) -> Iterator[None]:
    """Read a server's events until the block ends, in a process of its own."""
    process = subprocess.Popen([sys.executable, "-c", READER, url, f"{readers}"], stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def decisions(folder: Path, gpus: int, readers: int) -> list[float]:
    """Return the seconds of each decision of one server."""
    setup = build(compose([f"workload.rate={CLUSTERS[gpus]}", "workload.requests=200", f"cluster.gpus={gpus}"]))
    with serving(folder, f"cluster.gpus={gpus}", f"engine.speed={SPEED:g}") as server:
        with looked_at(server.url, readers):
            asyncio.run(load(setup.workload.requests, Target(server.url, speed=SPEED), lambda _: None))
        server.stop()
    return [each.total_seconds for each in read_journal(folder / JOURNAL).records.decisions]


def main(output: Path) -> None:
    """Measure everything, and write the table."""
    table: Table = [["GPUs", "readers", "p50 ms", "p99 ms", "p50 over nobody's", "p99 over nobody's"]]
    with tempfile.TemporaryDirectory() as name:
        for gpus in CLUSTERS:
            found: dict[int, list[float]] = {readers: [] for readers in READERS}
            for turn in range(TURNS):
                for readers in READERS:
                    found[readers] += decisions(Path(name) / f"{gpus}-{turn}-{readers}", gpus, readers)
            p50, p99 = ({k: 1e3 * percentile(found[k], percent) for k in READERS} for percent in (50, 99))
            for k in READERS:
                ratios = f"{p50[k] / p50[0]:.2f}", f"{p99[k] / p99[0]:.2f}"
                table.append([f"{gpus}", f"{k}", f"{p50[k]:.2f}", f"{p99[k]:.2f}", *ratios])
    output.mkdir(parents=True, exist_ok=True)
    (output / "table.md").write_text(markdown(table), encoding="utf-8")
    print(markdown(table))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
