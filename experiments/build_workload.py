"""From a configuration to the requests of a run: generated ones, or those of a trace."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from experiments.checks import ConfigError, positive
from experiments.workload import (
    Drift,
    Gamma,
    Mix,
    Piecewise,
    Poisson,
    ShapeClass,
    SloRule,
    Workload,
    custom_mix,
    generate,
    named_mix,
    profile_slo,
    read_trace,
    rescale,
)
from planner.cluster import Cluster
from profiles import Profile


def build_workload(config: Mapping[str, Any], profile: Profile, cluster: Cluster, seed: int) -> Workload:
    """Read or draw the requests of a configuration; wrong values are refused by field."""
    if "file" in config:
        path = Path(config["file"]).expanduser()
        if not path.is_file():
            raise ConfigError(
                f"workload.file is {path}; there is no such file (docs/traces.md says what belongs into one)"
            )
        trace = read_trace(path, slo=profile_slo(profile, max_degree=cluster.gpus))
        return rescale(
            trace, rate=positive("workload.rate", config["rate"]), slo=positive("workload.slo", config["slo"])
        )
    if config["requests"] < 1:
        raise ConfigError(f"workload.requests is {config['requests']}; at least 1 is needed")
    if config["deadlines"] not in ("auto", "paper", "profile"):
        raise ConfigError(f"workload.deadlines is {config['deadlines']!r}; use 'auto', 'paper' or 'profile'")
    rule = profile_slo(profile, max_degree=cluster.gpus)
    scaled = config["deadlines"] == "profile" or (config["deadlines"] == "auto" and profile.name != "flux1-dev_h100")
    start = _mix(config["mix"], config["classes"], profile, rule, scaled)
    mix: Mix | Drift = start
    if config["drift_to"]:
        mix = Drift(start, _mix(config["drift_to"], config["classes"], profile, rule, scaled))
    try:
        return _generate(config, mix, profile, seed)
    except ValueError as wrong:
        raise ConfigError(f"workload (rate, cv, pieces, slo_scale, deadline_jitter): {wrong}") from None


def _generate(config: Mapping[str, Any], mix: Mix | Drift, profile: Profile, seed: int) -> Workload:
    arrivals: Poisson | Gamma | Piecewise
    if config["pieces"]:
        arrivals = Piecewise(tuple(_pairs(config["pieces"])), cv=config["cv"])
    elif config["cv"] == 1.0:
        arrivals = Poisson(config["rate"])
    else:
        arrivals = Gamma(config["rate"], config["cv"])
    return generate(
        arrivals,
        mix,
        config["requests"],
        config["slo_scale"],
        np.random.default_rng(seed),
        deadline_jitter=config["deadline_jitter"],
        model=profile.model,
    )


def _pairs(pieces: list[Any]) -> list[tuple[float, float]]:
    for piece in pieces:
        if not (isinstance(piece, list) and len(piece) == 2 and all(isinstance(x, int | float) for x in piece)):
            raise ConfigError(f"workload.pieces has {piece}; every piece is [seconds, requests per minute]")
    return [(float(seconds), float(rate)) for seconds, rate in pieces]


def _mix(name: str, classes: list[Any], profile: Profile, rule: SloRule, scaled: bool) -> Mix:
    if name == "custom":
        if not classes:
            raise ConfigError(
                "workload.classes is empty; a custom mix needs classes, for example "
                "'workload.classes=[{shape: 512x512, steps: 20, share: 1.0, slo_seconds: 2.0}]'"
            )
        return custom_mix("custom", classes).with_slos(rule)
    if name == "profile":
        return Mix("profile", tuple(ShapeClass(shape, profile.steps, 1.0) for shape in profile.shapes)).with_slos(rule)
    mix = named_mix(name)
    return (mix.with_auto_slos() if scaled else mix).with_slos(rule)
