"""What arrives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING


@dataclass
class RequestsConfig:
    """What generated requests and those of a trace have in common.

    ``slo_scale`` multiplies the time from arrival to deadline. ``deadlines`` is the rule for requests without a target of
    their own: ``paper`` (the seconds published for FLUX.1-dev on H100), ``profile`` (as tight as these for the profile, on
    ``reference_gpus`` GPUs or all that the profile has), ``stages`` (the same and the time of encoding and decoding), or
    ``auto`` (``paper`` if the profile is of FLUX.1-dev on H100, ``profile`` elsewhere).
    """

    deadlines: str = "auto"
    reference_gpus: int = 8


@dataclass
class WorkloadConfig(RequestsConfig):
    """Generated requests.

    ``rate`` is per minute; ``cv`` 1 is Poisson, any other value Gamma arrivals; ``pieces`` ([seconds, rate] pairs, repeated)
    replace ``rate``; a positive ``load`` does, too: the share of the cluster's time that requests on one GPU each would
    take, with their text and images. ``tiers`` divide the requests of any mix into classes of service.
    """

    mix: str = "uniform"
    drift_to: str | None = None
    requests: int = 300
    rate: float = 12.0
    load: float = 0.0
    cv: float = 1.0
    pieces: list[Any] = field(default_factory=list)
    slo_scale: float = 1.1
    deadline_jitter: float = 0.0
    classes: list[Any] = field(default_factory=list)
    tiers: list[Any] = field(default_factory=list)


@dataclass
class TraceConfig(RequestsConfig):
    """Requests from a trace file (docs/traces.md).

    They arrive as in the file, or ``rate`` per minute on average, or ``speedup`` times as fast. Deadlines of the file hold;
    where it has none, the rule does.
    """

    file: str = MISSING
    rate: float | None = None
    speedup: float = 1.0
    slo_scale: float = 1.0


@dataclass
class OwnWorkloadConfig(RequestsConfig):
    """Requests from a function of your own: ``workload.file`` is a Python file anywhere on disk (docs/own.md).

    ``name`` is the function; it may be left out where the file has one. Its deadlines are multiplied by ``slo_scale``.
    """

    file: str = MISSING
    name: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    slo_scale: float = 1.0


TIERS = [{"name": "premium", "share": 0.1, "weight": 10.0}, {"name": "standard", "share": 0.9}]
"""The tiers of ``workload=tiers``: one request in ten is worth ten of the others."""
