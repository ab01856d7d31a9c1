"""What it saves that the workers that were measured serve: ending and starting them, beside handing them over.

Run as ``python -m tests.executor.distributed.bench_start``; it needs the extra ``cluster`` and two quiet cores.
``make tables-start`` commits its table. The model is the small FLUX of `experiments.run engine=distributed`: what is larger
takes longer to load, and as long to be handed over.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Literal, NamedTuple

from executor.distributed.config import EngineConfig
from executor.distributed.controller.crew import Crew
from executor.distributed.controller.engine import DistributedEngine
from executor.distributed.on_ray.session import RaySession
from executor.measure.grid import Grid
from executor.measure.steps import guess, measure
from executor.models.random_models.build import build
from profiles.shape import Shape
from tests.executor.distributed.bench import report
from tests.executor.distributed.serving import cluster_of, spec_of

CLUSTER = cluster_of(2)
GRID = Grid((Shape(128, 128),), repeats=2, warmup=1)


class Times(NamedTuple):
    """Seconds from the end of measuring until an engine can take requests, and of the processors that a start takes."""

    again: float
    over: float
    load: float

    @property
    def saved(self) -> float:
        """What a run is shorter."""
        return self.again - self.over


def times(folder: Path, transport: Literal["local", "ray"], repeats: int) -> Times:
    """Measure both, in turns, each on workers that have just been measured; return medians."""
    config = EngineConfig(spec_of(folder), transport=transport)
    again, over, load = [], [], []
    with RaySession(None) if transport == "ray" else nullcontext():
        for _ in range(repeats):
            with Crew(config, CLUSTER) as crew:
                measure(crew, GRID, "small")
                over.append(_timed(lambda crew=crew: DistributedEngine(crew, guess(CLUSTER, GRID))))  # type: ignore[misc]
                measure(crew, GRID, "small")
                began = time.perf_counter()
            with Crew(config, CLUSTER) as crew:
                DistributedEngine(crew, guess(CLUSTER, GRID))
                again.append(time.perf_counter() - began)
                load.append(sum(_processor(link.pid) for link in crew.fleet._links))  # type: ignore[attr-defined]
    return Times(statistics.median(again), statistics.median(over), statistics.median(load))


def _processor(pid: int) -> float:
    """Return the seconds of the processor that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _timed(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def table(local: Times, ray: Times) -> str:
    """Return both in Markdown."""
    rows = [
        ("workers end, and are started again", f"{local.again:.2f} s", f"{ray.again:.2f} s"),
        ("the same workers go on", f"{1e3 * local.over:.1f} ms", f"{1e3 * ray.over:.1f} ms"),
        ("saved", f"{local.saved:.2f} s", f"{ray.saved:.2f} s"),
        ("of the processors, for one start", f"{local.load:.2f} s", f"{ray.load:.2f} s"),
    ]
    lines = [f"| {what} | {one} | {other} |" for what, one, other in rows]
    return "\n".join(["| between measuring and serving | local | Ray |", "|---|--:|--:|", *lines]) + "\n"


def made() -> str:
    """Build the model, and measure."""
    with tempfile.TemporaryDirectory() as folder:
        small = build("flux", Path(folder) / "flux", width="small")
        return table(times(small, "local", 7), times(small, "ray", 3))


if __name__ == "__main__":
    report("bench_start", __doc__, made)
