"""What of the engine only a GPU shows: ``python -m tests.executor.distributed.bench_gpu --output DIR``.

States on their way from the device, communicators, compiled steps on a group, chunks and recovery with NCCL, and a step of
a full-size model in the engine beside the same step alone. Workers share one GPU (`on_gpu`), and NCCL's members take turns on
it: their times are no times of several GPUs. Every row is written down when it is known. Without a GPU it rehearses with tiny
models.
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from executor.distributed.config import COMPILING, EngineConfig
from executor.distributed.local.latents import Latents
from executor.distributed.worker.saving import Saving, copies_of
from executor.measure.bench import Bench, Repeats
from executor.measure.collectives import measure_collectives
from executor.measure.grid import Grid
from executor.models.model import Model
from executor.models.random_models.build import build
from executor.models.spec import Ask, ModelSpec
from executor.testing import RandomPlans
from planner.plan import Assignment
from planner.request import Request
from profiles.shape import Shape
from tests.executor.distributed.bench import chunk_overhead
from tests.executor.distributed.on_gpu import NCCL, share_gpu
from tests.executor.distributed.serving import (
    alone,
    cluster_of,
    engine_of,
    final_latents,
    profile_of,
    reach,
    requests_of,
    run,
    spec_of,
)

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
PAIR = cluster_of(2)
STEPS = 20
WARM = 3
"""Steps of a request that do not count."""

Row = tuple[str, float, str]
"""What, how much, in which unit."""


def states(folder: Path) -> Iterator[Row]:
    """Time what a step waits for until the next may begin, and how long it would wait for all of a state's way."""
    device = torch.device(DEVICE)
    model = Model(spec_of(build("flux", folder / "flux")), device=device)
    latents = Latents(folder / "states")
    saving = Saving(latents, copies_of(device))
    for pixels in (256, 512, 1024, 2048):
        ticket = model.admit(Ask(Request(pixels, Shape(pixels, pixels), 4, 0.0, 1e9), "a cat", 0))
        latents.admit(pixels, ticket.fixed(), ticket.moving())
        whole, begun = [], []
        for step in range(200):
            first = time.perf_counter()
            latents.write(pixels, step, ticket.moving())
            second = time.perf_counter()
            saving.begin([(pixels, ticket)])
            third = time.perf_counter()
            saving.finish()
            whole.append(second - first)
            begun.append(third - second)
        latents.release(pixels)
        yield f"state of {pixels} x {pixels}, all of its way", 1e3 * statistics.median(whole), "ms"
        yield f"state of {pixels} x {pixels}, until the next step may begin", 1e3 * statistics.median(begun), "ms"


def communicators(folder: Path) -> Iterator[Row]:
    """Measure what a group of two takes of the device, and how long it takes to make."""
    config = EngineConfig(spec_of(build("flux", folder / "flux")))
    found = measure_collectives(config, PAIR, Grid((Shape(64, 64),), date="2026-01-01"), sizes=())
    (entry,) = found.groups
    yield "group of two, memory of both members", entry.memory / 2**20, "MiB"
    yield "group of two, made", 1e3 * entry.seconds, "ms"


def chunks(folder: Path) -> Iterator[Row]:
    """Time what the controller adds, and recovery."""
    found = chunk_overhead(folder / "flux", 100, 3)
    yield "from a chunk to the next, same group", 1e3 * found.same, "ms"
    yield "from a chunk to the next, another group", 1e3 * found.other, "ms"
    yield "from a worker's death to the next step's end, worst of 3", found.recovery, "s"


def compiled(folder: Path) -> Iterator[Row]:
    """Serve on changing groups of two with compiled blocks, and compare with one process whose blocks are not."""
    spec = replace(spec_of(build("flux", folder / "flux")), compile=DEVICE == "cuda")
    config = EngineConfig(spec, folder / "images", folder / "latents", deadline=COMPILING)
    requests, profile = requests_of(6, seed=3), profile_of(PAIR)
    with engine_of(config, PAIR, profile) as engine:
        records = run(engine, PAIR, profile, requests, RandomPlans(3))
        yield "compiled, images delivered of 6", float(len(records.delivered)), ""
        yield "compiled, recoveries", float(len(engine.recoveries)), ""
    expected = alone(replace(config, model=replace(spec, compile=False)), requests)
    worst = max(float((final_latents(config, i) - latent).abs().max()) for i, latent in expected.items())
    yield "compiled, largest difference from one process without", worst, ""


def full_size(folder: Path, compiles: bool = False) -> Iterator[Row]:
    """Time steps of FLUX.1-dev in the engine, and alone."""
    width = "full" if DEVICE == "cuda" else "tiny"
    shapes = [Shape(side, side) for side in ((256, 512, 1024) if width == "full" else (64, 128))]
    text = 512 if width == "full" else 16
    label = "FLUX.1-dev, compiled" if compiles else "FLUX.1-dev"
    inputs = {"max_sequence_length": text}
    spec = ModelSpec(
        build("flux", folder / width, width=width),
        "bfloat16",
        "random",
        inputs=inputs,
        compile=compiles and DEVICE == "cuda",
    )
    config, one = EngineConfig(spec, deadline=COMPILING), cluster_of(1)
    profile = profile_of(one)
    entries = tuple(replace(profile.entries[0], shape=shape, seconds=0.1) for shape in shapes)
    began = time.perf_counter()
    with engine_of(config, one, replace(profile, entries=entries)) as engine:
        yield f"{label}, start of the engine", time.perf_counter() - began, "s"
        for number, shape in enumerate(shapes):
            first = len(engine.steps)
            engine.submit(Request(number, shape, STEPS, 0.0, 1e9))
            reach(engine, "ready", number)
            engine.carry_out([Assignment((number,), one.group_of((0,)), STEPS)])
            reach(engine, "finished", number)
            ends = [step.end for step in engine.steps[first:]]
            each = [after - before for before, after in zip(ends[WARM:], ends[WARM + 1 :], strict=False)]
            yield (
                f"{label}, {shape.label}, from a step's end to the next in the engine",
                1e3 * statistics.median(each),
                "ms",
            )
            yield f"{label}, {shape.label}, first step in the engine", ends[0] - engine.steps[first].start, "s"
    bench = Bench(config, Repeats(STEPS, WARM))
    for shape in shapes:
        yield f"{label}, {shape.label}, step alone", 1e3 * statistics.median(bench.share(shape, 1, 1).seconds), "ms"


PARTS: dict[str, Callable[[Path], Iterator[Row]]] = {
    "states": states,
    "communicators": communicators,
    "chunks": chunks,
    "compiled": compiled,
    "full": full_size,
    "full-compiled": partial(full_size, compiles=True),
}


def main() -> int:
    """Measure the parts that are asked for; a part that fails is told as such, and the others go on."""
    parser = argparse.ArgumentParser(prog="python -m tests.executor.distributed.bench_gpu", description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder for engine.csv")
    parser.add_argument("parts", nargs="*", default=list(PARTS), help=f"of {', '.join(PARTS)}")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    if DEVICE == "cuda":
        for name, value in NCCL.items():
            os.environ.setdefault(name, value)
        share_gpu()
    failed = 0
    with (options.output / "engine.csv").open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["what", "found", "unit"])
        for part in options.parts:
            with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
                try:
                    for what, found, unit in PARTS[part](Path(folder)):
                        print(f"{what}: {found:.4g} {unit}", flush=True)
                        table.writerow([what, f"{found:.6g}", unit])
                        file.flush()
                except Exception as error:
                    failed += 1
                    print(f"{part}: {type(error).__name__}: {error}", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
