"""Speed side by side: a step at degree 2 against diffusers' own Ulysses, and changing the group at every step.

Run as ``python -m tests.executor.distributed.bench``; both variants take turns, so that other load hits both alike.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import diffusers
import torch
import torch.distributed as dist

from executor.distributed.config import EngineConfig
from executor.distributed.controller import DistributedEngine
from executor.distributed.sequence import SequenceParallel
from executor.distributed.tiny import build_tiny
from planner.plan import Assignment
from planner.request import Request
from tests.executor.distributed.crew import Crew, Member
from tests.executor.distributed.serving import SHAPES, cluster_of, profile_of, spec_of

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


def chunk_overhead(folder: Path, chunks: int) -> tuple[float, float, float]:
    """Return seconds to start two workers, and between two chunks of a request: on the same group, on another."""
    cluster = cluster_of(2)
    profile = profile_of(cluster)
    began = time.perf_counter()
    with DistributedEngine(EngineConfig(spec_of(build_tiny("flux", folder))), cluster, profile) as engine:
        started = time.perf_counter() - began
        engine.submit(Request(0, SHAPES[0], 2 * chunks, 0.0, 1e9))
        engine.advance(60.0)
        groups = [cluster.group_of((0, 1))] * chunks + [cluster.group_of((0, 1)), cluster.group_of((0,))] * (
            chunks // 2
        )
        for group in groups:
            engine.carry_out([Assignment((0,), group, 1)])
            engine.advance(60.0)
        gaps = [after.start - before.end for before, after in pairwise(engine.steps)]
    return started, statistics.median(gaps[2 : chunks - 1]), statistics.median(gaps[chunks + 2 :])


def main() -> None:
    """Print the medians of all comparisons."""
    crew = Crew(2)
    try:
        for size, steps in (("tiny", 300), ("mid-size", 40)):
            with tempfile.TemporaryDirectory() as folder:
                ours, theirs, difference = crew.call((0, 1), against_diffusers, f"{folder}/store", size, steps)[0]
            ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
            print(
                f"{size:>9}: ours {1e3 * statistics.median(ours):8.2f} ms, "
                f"diffusers {1e3 * statistics.median(theirs):8.2f} ms, ratio {ratio:.3f}, difference {difference:.1e}"
            )
        stay, switch = crew.call((0, 1), switching, "mid-size", 60)[0]
        ratio = statistics.median(b / a for a, b in zip(stay, switch, strict=True))
        print(f"switching: {1e3 * statistics.median(stay):.1f} ms staying, ratio {ratio:.4f}")
    finally:
        crew.close()
    with tempfile.TemporaryDirectory() as folder:
        started, same, other = chunk_overhead(Path(folder), 100)
    print(
        f"start of 2 workers {started:.1f} s; between chunks {1e3 * same:.2f} ms, on another group {1e3 * other:.2f} ms"
    )


if __name__ == "__main__":
    main()
