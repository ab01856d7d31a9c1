"""What Ray adds: starts, gaps between chunks, and deaths, beside those of local processes.

Run as ``python -m tests.executor.distributed.bench_ray``; it needs the extra ``cluster`` and two quiet cores.
``make tables-ray`` commits its table.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.executor.distributed.bench import Chunks, chunk_overhead, report

CHUNKS = 200


def rows(local: Chunks, ray: Chunks) -> list[tuple[str, float, float, str]]:
    """Return what, on local processes, on Ray, unit."""
    return [
        ("from a chunk to the next, same group", 1e3 * local.same, 1e3 * ray.same, "ms"),
        ("from a chunk to the next, another group", 1e3 * local.other, 1e3 * ray.other, "ms"),
        ("the same, 95th percentile of both", 1e3 * local.longest, 1e3 * ray.longest, "ms"),
        ("start of 2 workers and the one for stages", local.start, ray.start, "s"),
        ("from a worker's death to the next step on it", local.recovery, ray.recovery, "s"),
    ]


def measure() -> str:
    """Measure both, one after the other, and return a table in Markdown."""
    with tempfile.TemporaryDirectory() as folder:
        ray = chunk_overhead(Path(folder) / "ray", CHUNKS, 1, "ray")
        local = chunk_overhead(Path(folder) / "local", CHUNKS, 1)
    lines = [f"| {what} | {one:.3g} {unit} | {other:.3g} {unit} |" for what, one, other, unit in rows(local, ray)]
    return "\n".join(["| what | local | Ray |", "|---|--:|--:|", *lines]) + "\n"


if __name__ == "__main__":
    report("bench_ray", __doc__, measure)
