"""Speed of the executor: against diffusers' own Ulysses, with changing groups, between chunks, after deaths.

Run as ``python -m tests.executor.distributed.bench``; ``make tables-executor`` commits its table. Both variants of a
comparison take turns, so that other load hits both alike.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, NamedTuple

import diffusers
import torch
import torch.distributed as dist

from executor.distributed.config import EngineConfig
from executor.models.random_models.build import build
from executor.sequence import SequenceParallel
from planner.cluster import Group
from planner.plan import Assignment
from planner.request import Request
from tests.executor.distributed.serving import SHAPES, cluster_of, engine_of, profile_of, spec_of
from tests.executor.distributed.squad import Member, Squad

SIZES = {"tiny": (1, 2, 4, 8, 64), "mid-size": (2, 4, 8, 64, 512)}
"""Double layers, single layers, heads, head size, tokens of the latent."""


def flux(size: str) -> tuple[Any, dict[str, Any]]:
    """Return a FLUX.1 transformer with random weights, and inputs."""
    double, single, heads, head_size, tokens = SIZES[size]
    torch.manual_seed(0)
    axes = {8: (2, 2, 4), 64: (16, 24, 24)}[head_size]
    model = diffusers.FluxTransformer2DModel(
        in_channels=16,
        num_layers=double,
        num_single_layers=single,
        attention_head_dim=head_size,
        num_attention_heads=heads,
        joint_attention_dim=32,
        pooled_projection_dim=32,
        axes_dims_rope=axes,
    ).eval()
    inputs = {
        "hidden_states": torch.randn(1, tokens, 16),
        "encoder_hidden_states": torch.randn(1, 64, 32),
        "pooled_projections": torch.randn(1, 32),
        "timestep": torch.tensor([0.5]),
        "img_ids": torch.cartesian_prod(torch.zeros(1), torch.arange(8.0), torch.arange(tokens / 8)),
        "txt_ids": torch.zeros(64, 3),
        "return_dict": False,
    }
    return model, inputs


def _timed(run: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    with torch.no_grad():
        output = run()[0]
    return time.perf_counter() - began, output


def against_diffusers(member: Member, path: str, size: str, steps: int) -> tuple[list[float], list[float], float]:
    """Return our seconds per step, diffusers' seconds per step, and the largest difference of their outputs."""
    from diffusers import ContextParallelConfig

    store = dist.FileStore(path, 2)
    count = torch.accelerator.device_count
    torch.accelerator.device_count = lambda: 2
    dist.init_process_group("gloo", store=store, rank=member.rank, world_size=2)
    try:
        (ours, inputs), (theirs, _) = flux(size), flux(size)
        theirs.enable_parallelism(config=ContextParallelConfig(ulysses_degree=2))
        group = member.groups.get("bench", (0, 1))
        parallel = SequenceParallel(ours)
        times: tuple[list[float], list[float]] = ([], [])
        difference = 0.0
        for step in range(steps + 2):
            outputs = {}
            for variant in (0, 1) if step % 2 else (1, 0):
                with parallel.over(group):
                    seconds, outputs[variant] = _timed(lambda model=(ours, theirs)[variant]: model(**inputs))
                times[variant].append(seconds)
            difference = max(difference, float((outputs[0] - outputs[1]).abs().max()))
        return times[0][2:], times[1][2:], difference
    finally:
        dist.destroy_process_group()
        torch.accelerator.device_count = count


def switching(member: Member, size: str, steps: int) -> tuple[list[float], list[float]]:
    """Return seconds per step when the group stays, and when it is another one (of the same members) at every step."""
    model, inputs = flux(size)
    parallel = SequenceParallel(model)
    groups = [member.groups.get(f"switch{i}", members) for i, members in enumerate([(0, 1), (1, 0)] * 4)]
    times: tuple[list[float], list[float]] = ([], [])
    for step in range(steps + 2):
        for variant in (0, 1) if step % 2 else (1, 0):
            with parallel.over(groups[step % len(groups)] if variant else groups[0]):
                times[variant].append(_timed(lambda: model(**inputs))[0])
    return times[0][2:], times[1][2:]


class Chunks(NamedTuple):
    """What the controller adds, in seconds."""

    start: float
    same: float
    other: float
    longest: float
    recovery: float


def chunk_overhead(folder: Path, chunks: int, deaths: int, transport: Literal["local", "ray"] = "local") -> Chunks:
    """Measure the start of two workers, gaps between chunks of a request, and from a death to the next step.

    Chunks are one step long, which is the worst case: a gap at every step, from the moment at which the leader has
    written its step until the leader of the next chunk begins.
    """
    cluster = cluster_of(2)
    profile = profile_of(cluster)
    pair, single = cluster.group_of((0, 1)), cluster.group_of((0,))
    build("flux", folder)
    began = time.perf_counter()
    with engine_of(EngineConfig(spec_of(folder), transport=transport), cluster, profile) as engine:
        started = time.perf_counter() - began

        def do(group: Group, steps: int = 1) -> None:
            engine.carry_out([Assignment((0,), group, steps)])
            while not any(item.kind != "ready" for item in engine.advance(60.0)[1]):
                pass

        engine.submit(Request(0, SHAPES[0], 4 * chunks + 100 * deaths, 0.0, 1e9))
        while not engine.advance(60.0)[1]:
            pass
        for group in [pair] * chunks + [pair, single] * (chunks // 2):
            do(group)
        gaps = [after.start - before.end for before, after in pairwise(engine.steps)]
        recoveries = []
        for _ in range(deaths):
            engine.carry_out([Assignment((0,), pair, 100)])
            first = len(engine.steps)
            while len(engine.steps) < first + 5:
                engine.advance(engine.advance(0.0)[0] + 0.001)
            os.kill(engine._fleet._links[1].pid, signal.SIGKILL)
            killed = len(engine.steps)
            died = engine._history.now()
            while not engine.advance(60.0)[1]:
                pass
            do(pair)
            assert len(engine.steps) > killed
            recoveries.append(engine.steps[-1].end - died)
    same, other = gaps[2 : chunks - 1], gaps[chunks + 2 :]
    longest = sorted([*same, *other])[int(0.95 * len(same + other))]
    return Chunks(started, statistics.median(same), statistics.median(other), longest, max(recoveries))


class Row(NamedTuple):
    """A line of the table; ``value`` meets its target if it is at most ``target``."""

    what: str
    value: float
    target: float
    unit: str
    note: str


def measure() -> list[Row]:
    """Run all comparisons. The start comes first, while nothing of the model's code has been imported for workers."""
    with tempfile.TemporaryDirectory() as folder:
        chunks = chunk_overhead(Path(folder) / "flux", 200, 5)
    rows = []
    squad = Squad(2)
    try:
        for size, steps in (("tiny", 300), ("mid-size", 40)):
            with tempfile.TemporaryDirectory() as folder:
                ours, theirs, difference = squad.call((0, 1), against_diffusers, f"{folder}/store", size, steps)[0]
            ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
            note = f"{1e3 * statistics.median(ours):.1f} ms against {1e3 * statistics.median(theirs):.1f} ms; "
            note += f"outputs differ by {difference:.0e}" if difference else "outputs are equal"
            rows.append(Row(f"step at degree 2 over diffusers' Ulysses, {size}", ratio, 1.0, "", note))
        stay, switch = squad.call((0, 1), switching, "mid-size", 60)[0]
    finally:
        squad.close()
    ratio = statistics.median(b / a for a, b in zip(stay, switch, strict=True))
    note = f"steps of {1e3 * statistics.median(stay):.0f} ms, over 8 groups"
    rows.append(Row("another group at every step over never another", ratio, 1.01, "", note))
    return [
        *rows,
        Row("from a chunk to the next, same group", 1e3 * chunks.same, 2.0, "ms", "median of 197 chunks of a step"),
        Row("from a chunk to the next, another group", 1e3 * chunks.other, 2.0, "ms", "median of 197 chunks of a step"),
        Row("the same, 95th percentile of both", 1e3 * chunks.longest, 2.0, "ms", ""),
        Row("start of 2 workers and the one for stages", chunks.start, 15.0, "s", "tiny FLUX, nothing imported before"),
        Row("from a worker's death to the next step's end", chunks.recovery, 2.0, "s", "worst of 5, on the same group"),
    ]


def table(rows: Sequence[Row]) -> str:
    """Return the rows as Markdown."""
    lines = ["| what | measured | target | note |", "|---|--:|--:|---|"]
    lines += [
        f"| {row.what} | {row.value:.4g} {row.unit}".rstrip()
        + f" | ≤ {row.target:g} {row.unit}".rstrip()
        + f" | {row.note} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def report(program: str, words: str | None, measured: Callable[[], str]) -> None:
    """Measure a table, print it, and write it where asked to."""
    parser = argparse.ArgumentParser(prog=f"python -m tests.executor.distributed.{program}", description=words)
    parser.add_argument("--output", type=Path, help="folder for table.md")
    options = parser.parse_args()
    text = measured()
    print(text, end="")
    if options.output is not None:
        options.output.mkdir(parents=True, exist_ok=True)
        (options.output / "table.md").write_text(text)


if __name__ == "__main__":
    report("bench", __doc__, lambda: table(measure()))
