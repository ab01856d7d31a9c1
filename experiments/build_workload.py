"""From a configuration to the requests of a run: generated ones, or those of a trace."""

from __future__ import annotations

import math
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
from profiles import LOCAL, Profile, Shape


def build_workload(config: Mapping[str, Any], profile: Profile, cluster: Cluster, seed: int) -> Workload:
    """Read or draw the requests of a configuration; wrong values are refused by field."""
    if "file" in config:
        trace = read_trace(_trace_path(config), slo=profile_slo(profile, max_degree=cluster.gpus))
        return rescale(
            trace, rate=positive("workload.rate", config["rate"]), slo=positive("workload.slo", config["slo"])
        )
    if config["requests"] < 1:
        raise ConfigError(f"workload.requests is {config['requests']}; at least 1 is needed")
    if config["deadlines"] not in ("auto", "paper", "profile", "stages"):
        raise ConfigError(f"workload.deadlines is {config['deadlines']!r}; use 'auto', 'paper', 'profile' or 'stages'")
    rule = _rule(config, profile, cluster)
    paper = config["deadlines"] == "paper" or (config["deadlines"] == "auto" and profile.name == "flux1-dev_h100")
    start = _mix(config["mix"], config["classes"], profile, rule, not paper)
    mix: Mix | Drift = start
    if config["drift_to"]:
        mix = Drift(start, _mix(config["drift_to"], config["classes"], profile, rule, not paper))
    if not 0 <= config["load"] < math.inf:
        raise ConfigError(f"workload.load is {config['load']}; a positive number is needed, or 0 for workload.rate")
    if config["load"]:
        config = {**config, "rate": rate_of(start, config["load"], profile, cluster)}
    try:
        return _generate(config, mix, profile, seed)
    except ValueError as wrong:
        raise ConfigError(f"workload (rate, cv, pieces, slo_scale, deadline_jitter): {wrong}") from None


def shapes_of(config: Mapping[str, Any]) -> list[Shape]:
    """Return the shapes that a configuration asks for, before anything is known of what they cost."""
    if "file" in config:
        requests = read_trace(_trace_path(config), slo=lambda shape, steps: 1.0).requests
        return sorted({request.shape for request in requests})
    names = [name for name in (config["mix"], config["drift_to"]) if name]
    if "profile" in names:
        raise ConfigError(
            "workload.mix is 'profile', but profile=measured measures the shapes of the workload; name a mix"
        )
    known = [
        custom_mix("custom", _checked(config["classes"])) if name == "custom" else named_mix(name) for name in names
    ]
    return sorted({kind.shape for mix in known for kind in mix.classes})


def rate_of(mix: Mix, load: float, profile: Profile, cluster: Cluster) -> float:
    """Return the requests per minute that keep a cluster busy for a share of its time.

    A request counts with its steps on one GPU and with its text and image. These stages share the hardware with the
    steps but are done one at a time, so that they may take no more than the same share of the time by themselves.
    """
    steps = sum(kind.share * kind.steps * profile.step_time(kind.shape, 1, LOCAL) for kind in mix.classes)
    stages = sum(kind.share * _stage_seconds(profile, kind.shape) for kind in mix.classes)
    return 60.0 * load / max((steps + stages) / cluster.gpus, stages)


def _stage_seconds(profile: Profile, shape: Shape) -> float:
    return profile.encode_time(shape) + profile.decode_time(shape)


def _rule(config: Mapping[str, Any], profile: Profile, cluster: Cluster) -> SloRule:
    """Return what a class without a target is given."""
    steps_only = profile_slo(profile, max_degree=cluster.gpus)
    if config["deadlines"] != "stages":
        return steps_only
    return lambda shape, steps: steps_only(shape, steps) + _stage_seconds(profile, shape)


def _trace_path(config: Mapping[str, Any]) -> Path:
    path = Path(config["file"]).expanduser()
    if not path.is_file():
        raise ConfigError(f"workload.file is {path}; there is no such file (docs/traces.md says what belongs into one)")
    return path


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
        return custom_mix("custom", _checked(classes)).with_slos(rule)
    if name == "profile":
        return Mix("profile", tuple(ShapeClass(shape, profile.steps, 1.0) for shape in profile.shapes)).with_slos(rule)
    mix = named_mix(name)
    return (mix.with_auto_slos() if scaled else mix).with_slos(rule)


def _checked(classes: list[Any]) -> list[Any]:
    if not classes:
        raise ConfigError(
            "workload.classes is empty; a custom mix needs classes, for example "
            "'workload.classes=[{shape: 512x512, steps: 20, share: 1.0, slo_seconds: 2.0}]'"
        )
    return classes
