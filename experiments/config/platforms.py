"""On what, and when plans are made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING


@dataclass
class ProfileConfig:
    """Step times. The planner believes them times ``error``; the engine runs at the true ones.

    ``shapes`` says what happens to sizes that the profile does not hold: ``model`` (extrapolated, with a note),
    ``nearest`` (as the known one with the nearest work) or ``exact`` (refused).
    """

    name: str = MISSING
    error: float = 1.0
    shapes: str = "model"


@dataclass
class ProfileFileConfig(ProfileConfig):
    """A profile of your own: ``profile.name`` is the path of its JSON file."""


@dataclass
class MeasuredProfileConfig(ProfileConfig):
    """A profile of the workers of ``engine=distributed``, measured before they serve and saved with the results.

    ``repeats`` steps of every shape and degree count, after ``warmup`` steps; ``batches`` must have 1.
    """

    name: str = "measured"
    repeats: int = 10
    warmup: int = 2
    batches: list[int] = field(default_factory=lambda: [1])


@dataclass
class ClusterConfig:
    """GPUs. ``link`` is ``auto`` (the profile's fastest) or a link class; ``grouping`` is ``aligned`` or ``all``."""

    kind: str = MISSING
    gpus: int = 8
    grouping: str = "aligned"


@dataclass
class SwitchConfig(ClusterConfig):
    """All GPUs on one switch."""

    kind: str = "switch"
    link: str = "auto"


@dataclass
class PairsConfig(ClusterConfig):
    """NVLink pairs over PCIe."""

    kind: str = "pairs"
    gpus: int = 4


@dataclass
class NodesConfig(ClusterConfig):
    """Machines of ``gpus_per_node`` GPUs, joined by a network; ``gpus`` follows from ``nodes``."""

    kind: str = "nodes"
    gpus: int = 0
    nodes: int = 2
    gpus_per_node: int = 8
    link: str = "auto"


@dataclass
class WorkersConfig(ClusterConfig):
    """The workers of ``engine=distributed``, all on one switch; their number is ``engine.workers``."""

    kind: str = "workers"
    gpus: int = 0
    link: str = "auto"


@dataclass
class RoundsConfig:
    """A plan every ``tau`` seconds.

    ``auto``: rounds that hold whole steps of the shapes that are served, and in which requests wait little
    (:mod:`planner.round_length`). ``steps``, if given, counts rounds in steps of ``resolution`` (1024x1024, or else the
    profile's middle shape) at ``degree``.
    """

    kind: str = "rounds"
    tau: Any = "auto"
    steps: int | None = None
    resolution: str | None = None
    degree: int = 2


@dataclass
class EventsConfig:
    """A plan when a request arrives, finishes or yields; ``tau`` is the horizon of one-round programs."""

    kind: str = "events"
    tau: Any = 0.4
