"""What arrives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING


@dataclass
class WorkloadConfig:
    """Generated requests.

    ``rate`` is per minute; ``cv`` 1 is Poisson, any other value Gamma arrivals; ``pieces`` ([seconds, rate] pairs, repeated)
    replace ``rate``; a positive ``load`` does, too: the share of the cluster's time that requests on one GPU each would
    take, with their text and images. ``deadlines``: ``paper`` (the seconds of the mix), ``profile`` (scaled to the
    profile's speed), ``stages`` (the same and the time of encoding and decoding), or ``auto`` (``paper`` on
    flux1-dev_h100, ``profile`` elsewhere).
    """

    mix: str = "uniform"
    drift_to: str | None = None
    requests: int = 300
    rate: float = 12.0
    load: float = 0.0
    cv: float = 1.0
    pieces: list[Any] = field(default_factory=list)
    slo_scale: float = 1.1
    deadlines: str = "auto"
    deadline_jitter: float = 0.0
    classes: list[Any] = field(default_factory=list)


@dataclass
class TraceConfig:
    """Requests from a trace file (docs/traces.md); ``rate`` and ``slo`` multiply its load and its deadlines."""

    file: str = MISSING
    rate: float = 1.0
    slo: float = 1.0
