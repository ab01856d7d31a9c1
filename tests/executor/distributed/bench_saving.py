"""What of a request's way to host memory a step waits for, before and after it went beside the steps.

Run as ``python -m tests.executor.distributed.bench_saving``; ``make tables-saving`` commits its table. Timed on a processor,
without the copies from a GPU themselves.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import torch

from executor.distributed.local.latents import Latents
from executor.models.model import Model
from executor.models.random_models.build import build
from executor.models.spec import Ask
from planner.request import Request
from profiles.shape import Shape
from tests.executor.distributed.bench import report
from tests.executor.distributed.serving import spec_of

SIZES = (256, 512, 1024, 2048)
REPEATS = 200


class Way(NamedTuple):
    """Of a request's state after a step.

    Parameters
    ----------
    size
        Bytes.
    whole
        Seconds to pack it, with a checksum, where all workers can read it.
    begun
        Seconds of it until all is packed but the values of tensors, and their copies have been asked for.
    """

    size: int
    whole: float
    begun: float


def way(model: Model, states: Latents, pixels: int) -> Way:
    """Time the way of a request of ``pixels`` by ``pixels``; medians."""
    ticket = model.admit(Ask(Request(pixels, Shape(pixels, pixels), 4, 0.0, 1e9), "a cat", 0))
    states.admit(pixels, ticket.fixed(), ticket.moving())
    whole, begun = [], []
    for step in range(REPEATS):
        first = time.perf_counter()
        ticket.leaving(torch.empty_like)
        begun.append(time.perf_counter() - first)
        first = time.perf_counter()
        states.write(pixels, step, ticket.moving())
        whole.append(time.perf_counter() - first)
    states.release(pixels)
    return Way(len(ticket.moving()), statistics.median(whole), statistics.median(begun))


def table() -> str:
    """Measure all sizes; return Markdown."""
    lines = ["| request | state | all of it | until the next step may begin |", "|---|--:|--:|--:|"]
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        model = Model(spec_of(build("flux", Path(folder) / "flux")))
        states = Latents(Path(folder) / "states")
        for pixels in SIZES:
            size, whole, begun = way(model, states, pixels)
            row = f"{size / 2**10:.0f} KiB | {1e3 * whole:.2f} ms | {1e3 * begun:.2f} ms"
            lines.append(f"| {pixels} x {pixels} | {row} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    report("bench_saving", __doc__, table)
