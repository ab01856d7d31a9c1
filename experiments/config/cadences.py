"""When plans are made: from a configuration to a cadence, with rounds that fit what is served."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from experiments.config.checks import ConfigError, configured, positive
from planner.cluster import Cluster
from planner.costs import Costs, costs_of
from planner.request import Request
from planner.round import Cadence
from planner.round_length import WASTE, ShapeDemand, round_length, wasted
from profiles import Profile, Shape

AUTO = "auto"


def build_cadence(
    config: Mapping[str, Any], profile: Profile, cluster: Cluster, requests: Sequence[Request]
) -> tuple[Cadence, tuple[str, ...]]:
    """Make the cadence of a configuration, and notes on what its rounds waste.

    Parameters
    ----------
    config
        The group ``cadence``.
    profile
        Step times as the planner believes them.
    cluster, requests
        On what, and what is served.

    Raises
    ------
    ConfigError
        If the length of a round is no number, or no step of some shape fits.
    """
    if config["kind"] != "rounds":
        with configured("cadence", config):
            return Cadence(config["kind"], _seconds(config["tau"])), ()
    costs = costs_of(profile, cluster)
    steps = {shape: costs.of(shape).fastest for shape in sorted({request.shape for request in requests})}
    if config["steps"] is not None:
        if config["tau"] != AUTO:
            raise ConfigError(
                f"cadence.tau is {config['tau']} and cadence.steps is {config['steps']}; both say how long a round is: "
                "give one of them"
            )
        tau = positive("cadence.steps", config["steps"]) * _reference_step(config, profile, costs)
    elif config["tau"] == AUTO:
        tau = round_length(_demands(requests, steps))
    else:
        tau = _seconds(config["tau"])
    for shape, step in steps.items():
        if tau < step:
            raise ConfigError(
                f"cadence.tau is {tau:g} s, but a step of {shape.label} takes {step:g} s at its fastest; give a longer "
                "cadence.tau, cadence.tau=auto, or cadence=events"
            )
    return Cadence(config["kind"], tau), tuple(_waste_notes(tau, steps))


def _seconds(tau: Any) -> float:
    if isinstance(tau, str | bool | None):
        raise ConfigError(f"cadence.tau is {tau}; a positive number of seconds is needed, or auto with cadence=rounds")
    return positive("cadence.tau", tau)


def _demands(requests: Iterable[Request], steps: Mapping[Shape, float]) -> list[ShapeDemand]:
    by_shape: dict[Shape, list[Request]] = defaultdict(list)
    for request in requests:
        by_shape[request.shape].append(request)
    count = sum(map(len, by_shape.values()))
    return [
        ShapeDemand(
            step,
            sum(request.steps for request in by_shape[shape]) / len(by_shape[shape]),
            sum(request.deadline - request.arrival for request in by_shape[shape]) / len(by_shape[shape]),
            len(by_shape[shape]) / count,
        )
        for shape, step in steps.items()
    ]


def _waste_notes(tau: float, steps: Mapping[Shape, float]) -> Iterable[str]:
    for shape, step in steps.items():
        share = wasted(tau, step)
        if share > WASTE:
            yield (
                f"{share:.0%} of a round of cadence.tau={tau:g} s is lost to {shape.label} at its fastest: "
                f"{int(tau / step + 1e-6)} steps of {step:g} s fit"
            )


def _reference_step(config: Mapping[str, Any], profile: Profile, costs: Costs) -> float:
    """Seconds of the step that the length of a round is counted in."""
    label, degree = config["resolution"], config["degree"]
    if label is None:
        shapes = [Shape(1024, 1024)] if Shape(1024, 1024) in profile.shapes else profile.shapes
        shape = shapes[len(shapes) // 2]
    else:
        shape = Shape.parse(label)
    times = costs.of(shape).step_time
    if degree not in times:
        raise ConfigError(f"cadence.degree is {degree}; {shape.label} runs at degrees {', '.join(map(str, times))}")
    return times[degree]
