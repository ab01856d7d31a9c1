"""Where optimization pays, and where it does not: workloads that users have, declared before anything was run on them.

:data:`REGIMES` is the list; ``docs/regimes.md`` has the table of all of them, whatever it says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from experiments.studies.grid import Cell


@dataclass(frozen=True, slots=True)
class Regime:
    """A kind of workload.

    Parameters
    ----------
    name
        For tables.
    overrides
        Of the configuration, without spaces inside any of them.
    why
        Who has it, in one sentence.
    """

    name: str
    overrides: tuple[str, ...]
    why: str

    def cell(self, more: Sequence[str] = ()) -> Cell:
        """Return it as a cell of a comparison, with more overrides."""
        return Cell(self.name, (*self.overrides, *more))


_DROP = "engine.late=drop"
_SMALLER = "shapes:[256x256,512x512,1024x1024]"
_LARGE_AND_MIDDLE = "workload.classes=[{shape:1024x1024,steps:50,share:0.7},{shape:2048x2048,steps:50,share:0.3}]"

REGIMES: tuple[Regime, ...] = (
    Regime(
        "premium tier",
        ("workload=tiers", "workload.mix=skewed", "workload.rate=40", "workload.slo_scale=1.5", _DROP),
        "A premium plan: one request in ten, of any size, is worth ten others, and the cluster is overloaded.",
    ),
    Regime(
        "heavy large images",
        (
            "workload=tiers",
            f"workload.tiers=[{{name:large,share:1,weight:10,shapes:[2048x2048]}},{{name:smaller,share:1,{_SMALLER}}}]",
            "workload.rate=30",
            "workload.slo_scale=1.5",
            _DROP,
        ),
        "Images are billed by size: a 2048 image pays ten times as much as any other, and needs far more GPU time.",
    ),
    Regime(
        "tight large, loose small",
        (
            "workload=tiers",
            f"workload.tiers=[{{name:large,share:1,shapes:[2048x2048]}},{{name:smaller,share:1,deadline:3,{_SMALLER}}}]",
            "workload.rate=24",
            "workload.slo_scale=1.2",
            _DROP,
        ),
        "Large images are made while a customer waits; previews of the same service may take three times as long.",
    ),
    Regime(
        "weighted 1024 beside 2048",
        (
            "workload=tiers",
            "workload.mix=custom",
            _LARGE_AND_MIDDLE,
            "workload.tiers=[{name:premium,share:0.2,weight:10,deadline:1.5,shapes:[1024x1024]},{name:standard,share:0.8}]",
            "workload.rate=60",
            "workload.slo_scale=1.5",
            _DROP,
        ),
        "Paying customers accept to wait a little longer for images that are worth ten others, under heavy overload.",
    ),
    Regime(
        "interactive beside batch work",
        (
            "workload=tiers",
            "workload.mix=skewed",
            "workload.tiers=[{name:interactive,share:0.6,weight:3},{name:batch,share:0.4,deadline:8}]",
            "workload.rate=30",
            "workload.slo_scale=1.2",
            _DROP,
        ),
        "One cluster serves people who wait and jobs that only have to be done within the minute.",
    ),
    Regime(
        "bursts",
        ("workload=bursts", "workload.mix=skewed", "workload.slo_scale=1.2", _DROP),
        "Traffic comes in waves: two quiet minutes, then half a minute at eight times the rate.",
    ),
    Regime(
        "pairs over PCIe",
        (
            "profile=sd3-medium_a40", "cluster=pairs", "workload=skewed", "workload.load=0.7",
            "workload.slo_scale=1.2", _DROP,
        ),
        "A server with four A40 in NVLink pairs, slow across pairs, runs Stable Diffusion 3 near its limit.",
    ),
    Regime(
        "overload",
        ("workload=skewed", "workload.rate=60", "workload.slo_scale=1.5", _DROP),
        "A launch day: far more requests than the cluster can serve, all worth the same.",
    ),
    Regime(
        "64 GPUs, the paper's load",
        (
            "cluster.gpus=64", "workload=skewed", "workload.rate=144", "workload.slo_scale=1.2", "solver.budget_ms=50", _DROP,
        ),
        "A larger service at the load per GPU of the paper's highest rate.",
    ),
    Regime(
        "64 GPUs, overload",
        (
            "cluster.gpus=64", "workload=skewed", "workload.rate=400", "workload.slo_scale=1.5", "solver.budget_ms=50", _DROP,
        ),
        "The same service with nearly three times as many requests.",
    ),
    Regime(
        "drift and noise",
        (
            "workload=drift", "workload.rate=18", "workload.slo_scale=1.2", "workload.deadline_jitter=0.3",
            "engine.noise_cv=0.1", _DROP,
        ),
        "Requests become larger over the run, deadlines vary by 30 %, and steps take 10 % more or less than planned.",
    ),
    Regime(
        "video",
        ("profile=cogvideox1.5_l20", "workload=profile", "workload.load=0.5", "workload.slo_scale=1.2", _DROP),
        "CogVideoX on eight L20 over PCIe: few requests, each minutes long.",
    ),
    Regime(
        "the paper's workload",
        ("workload=uniform", "workload.rate=12", "workload.slo_scale=1.1"),
        "The default of the paper's evaluation, late requests kept.",
    ),
    Regime(
        "unweighted, late dropped",
        ("workload=uniform", "workload.rate=18", "workload.slo_scale=1.2", _DROP),
        "All requests are worth the same, and those that can no longer be on time are given up.",
    ),
    Regime(
        "one resolution",
        ("workload=homogeneous", "workload.rate=30", "workload.slo_scale=1.2", _DROP),
        "A service that offers 1024 images alone: requests differ in nothing but their deadlines.",
    ),
    Regime(
        "light load",
        ("workload=uniform", "workload.rate=3", "workload.slo_scale=1.5"),
        "A cluster that is idle most of the time: whoever comes gets all GPUs.",
    ),
)  # fmt: skip
"""Declared before any of them was run; none was added, changed or left out for its result."""
