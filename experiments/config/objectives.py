"""What a plan is worth: every choice of ``objective``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

from experiments.config.checks import ConfigError, positive
from planner.objectives import (
    Fairness,
    GpuSeconds,
    LeastShare,
    Level,
    Lexicographic,
    Moves,
    Objective,
    OnTime,
    Progress,
    Survivors,
    Tardiness,
    Term,
    Weighted,
    load_objective,
)

SHIPPED: Mapping[str, type[Objective]] = {
    "survivors": Survivors,
    "on_time": OnTime,
    "gpu_seconds": GpuSeconds,
    "tardiness": Tardiness,
    "fairness": Fairness,
    "progress": Progress,
    "moves": Moves,
}


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


SCHEMAS: Mapping[str, Any] = {
    **{kind: ObjectiveConfig(kind) for kind in ("survivors", "on_time", "gpu_seconds", "tardiness", "fairness")},
    "progress": ProgressConfig,
    "least_share": ObjectiveConfig("least_share"),
    "cost": PriceConfig("cost"),
    "moves": PriceConfig("moves", 0.01),
    "weighted": SumConfig("weighted", ["on_time:1", "gpu_seconds:0.001"]),
    "lexicographic": SumConfig("lexicographic", ["on_time:1", "gpu_seconds:0.01"]),
    "custom": CustomObjectiveConfig,
}


def make_objective(config: Mapping[str, Any]) -> Objective:
    """Make the objective of a configuration."""
    kind = config["kind"]
    if kind == "custom":
        return load_objective(config["file"], config["name"], config["arguments"])
    if kind in ("weighted", "lexicographic"):
        terms = [_term(kind, text) for text in config["terms"]]
        if not terms:
            raise ConfigError(f"objective.terms is empty; give name:number pairs, names among {', '.join(SHIPPED)}")
        if kind == "weighted":
            return Weighted(tuple(Term(objective, weight) for objective, weight in terms))
        return Lexicographic(tuple(Level(objective, unit) for objective, unit in terms))
    if kind == "progress":
        return Progress(positive("objective.floor", config["floor"]))
    if kind in ("cost", "moves"):
        price = config["price"]
        if not 0 <= price < math.inf:
            raise ConfigError(f"objective.price is {price}; a finite number of at least 0 is needed")
        return Weighted((Term(OnTime()), Term(GpuSeconds() if kind == "cost" else Moves(), price)))
    if kind == "least_share":
        return LeastShare()
    return SHIPPED[kind]()


def _term(kind: str, text: str) -> tuple[Objective, float]:
    """Read ``name:number``."""
    name, _, number = text.partition(":")
    if name not in SHIPPED:
        raise ConfigError(f"objective.terms has {text!r}; its name must be among {', '.join(SHIPPED)}")
    try:
        value = float(number or "1")
    except ValueError:
        raise ConfigError(f"objective.terms has {text!r}; a number must follow the colon") from None
    if not math.isfinite(value) or (kind == "lexicographic" and value <= 0):
        raise ConfigError(f"objective.terms has {text!r}; the number must be finite, and a unit positive")
    return SHIPPED[name](), value
