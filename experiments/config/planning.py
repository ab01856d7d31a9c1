"""What is decided, and what a plan is worth."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING


@dataclass
class LookaheadConfig:
    """The deadline-interval program over the whole backlog, of which only the first moments are carried out."""

    kind: str = "lookahead"
    tie_break: float = 1e-4
    late: str = "brief"
    concurrency: bool = True


@dataclass
class AssignmentConfig:
    """The one-round assignment program."""

    kind: str = "assignment"
    form: str = "auto"
    conserve: bool = True
    batching: bool = False


@dataclass
class ObjectiveConfig:
    """A shipped objective without parameters."""

    kind: str = MISSING


@dataclass
class ProgressConfig(ObjectiveConfig):
    """Progress over slack, with a least slack in seconds."""

    kind: str = "progress"
    floor: float = 0.1


@dataclass
class PriceConfig(ObjectiveConfig):
    """Weighted completions on time less a price: per GPU-second (``cost``), or per move to other GPUs (``moves``)."""

    price: float = 0.001


@dataclass
class SumConfig(ObjectiveConfig):
    """Several objectives, each ``name:weight`` (weighted) or ``name:unit`` (lexicographic, the first decides)."""

    terms: list[str] = field(default_factory=list)


@dataclass
class CustomObjectiveConfig(ObjectiveConfig):
    """A class of your own: ``objective.file`` is a Python file anywhere on disk."""

    kind: str = "custom"
    file: str = MISSING
    name: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
