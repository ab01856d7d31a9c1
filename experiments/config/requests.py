"""From a configuration to the requests of a run: generated ones, or those of a trace."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from experiments.config.checks import ConfigError, positive
from experiments.config.own_requests import own_workload
from experiments.config.workloads import WorkloadConfig
from experiments.workload import (
    Drift,
    Gamma,
    Mix,
    Piecewise,
    Poisson,
    ShapeClass,
    Targets,
    Workload,
    custom_mix,
    custom_tiers,
    generate,
    named_mix,
    read_trace,
    rescale,
    slo_rule,
)
from experiments.workload.deadlines import DEADLINES
from planner.cluster import Cluster
from profiles import LOCAL, Profile, Shape


def build_workload(config: Mapping[str, Any], profile: Profile, cluster: Cluster, seed: int) -> Workload:
    """Read or draw the requests of a configuration; wrong values are refused by field."""
    _check_fields(config)
    targets = slo_rule(profile, config["deadlines"], config["reference_gpus"])
    if "arguments" in config:
        return own_workload(config, profile, seed)
    if "file" in config:
        return _replay(config, targets)
    if not 1 <= config["requests"] <= MOST_REQUESTS:
        raise ConfigError(
            f"workload.requests is {config['requests']}; at least 1 is needed, and at most {MOST_REQUESTS} are served"
        )
    start = _mix(config["mix"], config["classes"], profile, targets)
    mix: Mix | Drift = start
    if config["drift_to"]:
        mix = Drift(start, _mix(config["drift_to"], config["classes"], profile, targets))
    if not 0 <= config["load"] < math.inf:
        raise ConfigError(f"workload.load is {config['load']}; a positive number is needed, or 0 for workload.rate")
    _check_rate(config)
    if config["load"]:
        config = {**config, "rate": rate_of(start, config["load"], profile, cluster)}
    try:
        workload = _generate(config, mix, profile, seed)
    except ValueError as wrong:
        raise ConfigError(f"workload (rate, cv, pieces, slo_scale, deadline_jitter, tiers): {wrong}") from None
    own = any("slo_seconds" in kind for kind in config["classes"]) and "custom" in (config["mix"], config["drift_to"])
    return _described(workload, f"{targets.words}, or as the class says" if own else targets.words)


MOST_REQUESTS = 10**7
"""Of a run: more would take all memory before the first is served."""
_RATE = WorkloadConfig.rate


def _check_rate(config: Mapping[str, Any]) -> None:
    """Refuse numbers that would not be used, as far as they differ from the defaults."""
    if config["load"] and config["pieces"]:
        raise ConfigError(f"workload.load is {config['load']} and workload.pieces {config['pieces']}; give one of them")
    for field in ("load", "pieces"):
        if config[field] and config["rate"] != _RATE:
            raise ConfigError(
                f"workload.rate is {config['rate']}, but workload.{field} is {config[field]} and replaces it; give only one"
            )
    if config["classes"] and "custom" not in (config["mix"], config["drift_to"]):
        raise ConfigError(f"workload.classes are of workload.mix=custom, but workload.mix is {config['mix']!r}")


def _check_fields(config: Mapping[str, Any]) -> None:
    """Refuse values that are wrong whatever the requests are, before a trace is read."""
    if config["deadlines"] not in DEADLINES:
        raise ConfigError(f"workload.deadlines is {config['deadlines']!r}; use 'auto', 'paper', 'profile' or 'stages'")
    if config["reference_gpus"] < 1:
        raise ConfigError(f"workload.reference_gpus is {config['reference_gpus']}; at least 1 is needed")
    if "file" not in config or "arguments" in config:
        return
    speedup = positive("workload.speedup", config["speedup"])
    if config["rate"] is not None:
        rate = positive("workload.rate", config["rate"])
        if speedup != 1.0:
            raise ConfigError(f"workload.rate is {rate} per minute and workload.speedup {speedup}; give one of them")
    positive("workload.slo_scale", config["slo_scale"])


def shapes_of(config: Mapping[str, Any]) -> list[Shape]:
    """Return the shapes that a configuration asks for, before anything is known of what they cost."""
    if "arguments" in config:
        raise ConfigError(
            "workload=custom_file needs the profile that profile=measured measures for it; use workload=trace"
        )
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


def asked_shapes(config: Mapping[str, Any]) -> list[Shape]:
    """Return the shapes that a workload surely asks for, as far as they are known before it is drawn."""
    _check_fields(config)
    if "arguments" in config:
        return []
    if "file" not in config and "profile" in (config["mix"], config["drift_to"]):
        return asked_shapes({**config, **{key: "" for key in ("mix", "drift_to") if config[key] == "profile"}})
    return shapes_of(config)


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


def _replay(config: Mapping[str, Any], targets: Targets) -> Workload:
    """Read a trace and change its rate and deadlines as asked."""
    rate, speedup = config["rate"], config["speedup"]
    trace = read_trace(_trace_path(config), slo=targets)
    filled = trace.parameters.get("deadlines_filled_in", 0)
    try:
        replayed = rescale(trace, rate=rate, speedup=speedup, slo_scale=config["slo_scale"])
    except ValueError as wrong:
        raise ConfigError(f"workload.file is {config['file']}: {wrong}") from None
    words = "those of the trace"
    if filled:
        words += f"; {filled} that it lacks: {targets.words}"
    return _described(replayed, words)


def _described(workload: Workload, words: str) -> Workload:
    """Add to the parameters where the deadlines come from."""
    return Workload(workload.name, workload.requests, {**workload.parameters, "deadlines": words})


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
        tiers=custom_tiers(config["tiers"]),
    )


def _pairs(pieces: list[Any]) -> list[tuple[float, float]]:
    for piece in pieces:
        if not (isinstance(piece, list) and len(piece) == 2 and all(isinstance(x, int | float) for x in piece)):
            raise ConfigError(f"workload.pieces has {piece}; every piece is [seconds, requests per minute]")
    return [(float(seconds), float(rate)) for seconds, rate in pieces]


def _mix(name: str, classes: list[Any], profile: Profile, targets: Targets) -> Mix:
    """Return a mix with all targets; those that a named mix brings along are the paper's, and hold only if these do."""
    if name == "custom":
        return custom_mix("custom", _checked(classes)).with_slos(targets)
    if name == "profile":
        return Mix("profile", tuple(ShapeClass(shape, profile.steps, 1.0) for shape in profile.shapes)).with_slos(
            targets
        )
    mix = named_mix(name)
    return (mix if targets.published else mix.with_auto_slos()).with_slos(targets)


def _checked(classes: list[Any]) -> list[Any]:
    if not classes:
        raise ConfigError(
            "workload.classes is empty; a custom mix needs classes, for example "
            "'workload.classes=[{shape: 512x512, steps: 20, share: 1.0, slo_seconds: 2.0}]'"
        )
    return classes
