"""Record rounds from real runs of every workload."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.cli import compose
from experiments.config.build import build
from experiments.instances.library import Instance, trimmed
from experiments.runner import simulate
from planner.plan import Plan
from planner.round import Round


@dataclass(frozen=True, slots=True)
class Recording:
    """A run to record from: a name for its instances, and overrides of the configuration."""

    name: str
    overrides: tuple[str, ...]


_A40 = ("profile=sd3-medium_a40", "cluster=pairs", "workload.rate=30")
_NODES = ("cluster.gpus=64", "workload.rate=130", "workload.requests=600")
SOURCES: tuple[Recording, ...] = (
    Recording("uniform-12", ("workload=uniform",)),
    Recording("uniform-18", ("workload=uniform", "workload.rate=18", "workload.slo_scale=1.2")),
    Recording("skewed-12", ("workload=skewed",)),
    Recording("skewed-18", ("workload=skewed", "workload.rate=18", "workload.slo_scale=1.2")),
    Recording("gamma", ("workload=gamma", "workload.slo_scale=1.5")),
    Recording("bursts", ("workload=bursts", "workload.slo_scale=1.5")),
    Recording("drift", ("workload=drift", "workload.rate=18", "workload.deadline_jitter=0.3")),
    Recording("mix-c", ("workload=mix-c", "workload.rate=60")),
    Recording("homogeneous", ("workload=homogeneous", "workload.rate=40")),
    Recording("late", ("workload=skewed", "workload.rate=24", "workload.slo_scale=1.5")),
    Recording("l20", ("profile=flux1-dev_l20", "workload.rate=3")),
    Recording("a40-pairs", (*_A40, "workload.slo_scale=1.2")),
    Recording("a40-all", (*_A40, "cluster.grouping=all", "workload.slo_scale=1.2")),
    Recording("video", ("profile=hunyuanvideo_l20", "workload=profile", "workload.rate=0.1", "workload.requests=60")),
    Recording("gpus-64", (*_NODES, "workload.slo_scale=1.2")),
)
"""Where the shipped instances come from; all planned by ``edf`` at events, so that no exact solver shaped them."""


def record(source: Recording, count: int, seed: int = 0) -> list[Instance]:
    """Run a source and keep ``count`` of its rounds, from few jobs to many.

    Rounds of fewer than two jobs, and rounds that all jobs would survive whatever is decided, are left out; of the
    rest, those at evenly spaced ranks by number of jobs are kept.
    """
    setup = build(compose(["solver=edf", *source.overrides, f"seed={seed}"]))
    met: list[Round] = []

    def keep(round_: Round, plan: Plan) -> None:
        if len(round_.jobs) >= 2 and any(not round_.hopeless(job) for job in round_.jobs):
            met.append(round_)

    simulate(setup, on_round=keep)
    met.sort(key=lambda round_: (len(round_.jobs), round_.now))
    ranks = [round((i + 0.5) * len(met) / count - 0.5) for i in range(count)] if len(met) > count else range(len(met))
    chosen = [met[rank] for rank in ranks]
    return [
        Instance(f"{source.name}-{number:02d}-jobs{len(round_.jobs)}", trimmed(round_))
        for number, round_ in enumerate(chosen)
    ]


def record_all(
    directory: Path,
    count: int,
    sources: Sequence[Recording] = SOURCES,
    on_source: Callable[[Recording], None] | None = None,
) -> int:
    """Record every source into a directory; return the number of instances written."""
    directory.mkdir(parents=True, exist_ok=True)
    written = 0
    for source in sources:
        for instance in record(source, count):
            instance.round_.save(directory / f"{instance.name}.json")
            written += 1
        if on_source is not None:
            on_source(source)
    return written
