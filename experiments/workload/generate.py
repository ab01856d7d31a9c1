"""Generate workloads from an arrival process and a mix.

Arrivals, shapes, deadline jitter and tiers come from four independent child generators, with a fixed number of
draws per request. So paired comparisons share their randomness: another rate rescales the same arrivals, and another
SLO scale, jitter, rate or division into tiers leaves request i's shape alone.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from experiments.workload.arrivals import Arrivals
from experiments.workload.mixes import Mix, ShapeClass
from experiments.workload.tiers import ALL_ALIKE, Tier, draw_tiers
from experiments.workload.workload import Workload
from planner.request import Request


@dataclass(frozen=True, slots=True)
class Drift:
    """A mix that turns linearly into another one over the run.

    Parameters
    ----------
    start, end
        The mix of the first and of the last request.
    by
        ``"index"``: progress is the request's place in the run, so shapes do not depend on arrivals.
        ``"time"``: progress is the arrival time divided by the last arrival.
    """

    start: Mix
    end: Mix
    by: Literal["index", "time"] = "index"

    def __post_init__(self) -> None:
        if self.by not in ("index", "time"):
            raise ValueError(f"drift: by is {self.by!r}; 'index' or 'time' is needed")

    @property
    def name(self) -> str:
        """``START-to-END``."""
        return f"{self.start.name}-to-{self.end.name}"


class Jitter(Protocol):
    """How the time allowed varies from request to request."""

    def factors(self, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Draw `count` positive factors with mean 1."""
        ...


@dataclass(frozen=True, slots=True)
class UniformJitter:
    """Factors uniform in [1 - spread, 1 + spread]; `spread` is at least 0 and below 1."""

    spread: float

    def __post_init__(self) -> None:
        if not 0 <= self.spread < 1:
            raise ValueError(f"deadline jitter: spread is {self.spread}; at least 0 and below 1 is needed")

    def factors(self, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Draw `count` factors."""
        return 1.0 + self.spread * (2.0 * rng.random(count) - 1.0)


@dataclass(frozen=True, slots=True)
class LognormalJitter:
    """Lognormal factors with mean 1; `sigma` is the standard deviation of their logarithm, from 0 to 3."""

    sigma: float

    def __post_init__(self) -> None:
        if not 0 <= self.sigma <= 3:
            raise ValueError(f"deadline jitter: sigma is {self.sigma}; a number from 0 to 3 is needed")

    def factors(self, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Draw `count` factors."""
        return np.exp(self.sigma * rng.standard_normal(count) - self.sigma**2 / 2)


def generate(
    arrivals: Arrivals,
    mix: Mix | Drift,
    count: int,
    slo_scale: float,
    rng: np.random.Generator,
    *,
    deadline_jitter: float | Jitter = 0.0,
    weight: float = 1.0,
    model: str = "",
    tiers: Sequence[Tier] = (),
    name: str | None = None,
) -> Workload:
    """Draw a workload: deadline = arrival + slo * slo_scale * jitter factor * deadline factor of the tier.

    Parameters
    ----------
    arrivals
        When requests come.
    mix
        What they ask for; every target must be known (fill in *auto* ones with :meth:`Mix.with_slos`).
    count
        Number of requests.
    slo_scale
        Multiplies every target; the paper sweeps 1.0 to 1.5.
    rng
        Child generators are spawned from it, so pass a fresh one, ``np.random.default_rng(seed)``, each time.
    deadline_jitter
        A number is the spread of a :class:`UniformJitter`.
    weight
        Multiplies the weights of the classes.
    model
        Written into every request.
    tiers
        Classes of service; none for requests that are all alike.
    name
        Of the workload; the mix's name if not given.

    Raises
    ------
    ValueError
        If a parameter is out of range or a target is *auto*. The message names it.
    """
    if not (math.isfinite(slo_scale) and slo_scale > 0):
        raise ValueError(f"slo_scale is {slo_scale}; a positive finite number is needed")
    jitter: Jitter = (
        UniformJitter(float(deadline_jitter)) if isinstance(deadline_jitter, int | float) else deadline_jitter
    )
    drift = mix if isinstance(mix, Drift) else Drift(mix, mix)
    _check_slos(drift)
    arrival_rng, shape_rng, jitter_rng, tier_rng = rng.spawn(4)
    times = arrivals.times(count, arrival_rng)
    classes = _draw_classes(drift, times, shape_rng)
    factors = jitter.factors(count, jitter_rng)
    served = draw_tiers(tiers or (ALL_ALIKE,), [drawn.shape for drawn in classes], tier_rng)
    requests = tuple(
        Request(
            id=i,
            shape=drawn.shape,
            steps=drawn.steps,
            arrival=float(time),
            deadline=float(time + _slo(drawn) * slo_scale * factor * tier.deadline),
            weight=drawn.weight * weight * tier.weight,
            model=model,
            tier=tier.name,
        )
        for i, (time, drawn, factor, tier) in enumerate(zip(times, classes, factors, served, strict=True))
    )
    parameters: dict[str, object] = {
        "arrivals": describe(arrivals),
        "mean_rate_per_minute": arrivals.mean_rate,
        "mix": describe(mix),
        "count": count,
        "slo_scale": slo_scale,
        "deadline_jitter": describe(jitter),
        "weight": weight,
        "model": model,
        "tiers": describe(tuple(tiers)),
    }
    return Workload(name or mix.name, requests, parameters)


def describe(part: object) -> object:
    """Turn a part of a recipe into JSON types; objects that are not dataclasses become their repr."""
    if part is None or isinstance(part, bool | int | float | str):
        return part
    if hasattr(part, "label"):
        return str(part.label)
    if isinstance(part, tuple | list):
        return [describe(item) for item in part]
    if dataclasses.is_dataclass(part) and not isinstance(part, type):
        fields = {f.name: describe(getattr(part, f.name)) for f in dataclasses.fields(part)}
        return {"kind": type(part).__name__, **fields}
    return repr(part)


def _draw_classes(drift: Drift, times: NDArray[np.float64], rng: np.random.Generator) -> list[ShapeClass]:
    """One class per request by inversion: one uniform number per request, whatever the shares are."""
    places: dict[ShapeClass, tuple[float, float]] = {}
    for end, mix in enumerate((drift.start, drift.end)):
        for c in mix.classes:
            key = dataclasses.replace(c, share=0.0)
            share = list(places.get(key, (0.0, 0.0)))
            share[end] += c.share
            places[key] = (share[0], share[1])
    classes = list(places)
    first, last = np.array(list(places.values()), dtype=np.float64).T
    count = len(times)
    if drift.by == "index":
        progress = np.arange(count) / max(count - 1, 1)
    else:
        progress = times / times[-1] if times[-1] > 0 else np.zeros(count)
    draws = rng.random(count)
    shares = (1.0 - progress)[:, None] * first + progress[:, None] * last
    cumulative = np.cumsum(shares, axis=1)
    picks = (draws[:, None] * cumulative[:, -1:] >= cumulative).sum(axis=1)
    return [classes[min(int(pick), len(classes) - 1)] for pick in picks]


def _check_slos(drift: Drift) -> None:
    for mix in (drift.start, drift.end):
        for c in mix.classes:
            if c.slo is None:
                raise ValueError(
                    f"mix {mix.name!r}: the slo of class {c.shape.label} is auto; fill it in with "
                    "Mix.with_slos, for example from a profile with profile_slo"
                )


def _slo(drawn: ShapeClass) -> float:
    assert drawn.slo is not None  # checked before anything was drawn
    return drawn.slo
