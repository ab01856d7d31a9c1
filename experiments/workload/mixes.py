"""Mixes: which shapes are asked for, how often, with how many steps and how much time.

Named mixes (:func:`named_mix`):

- ``uniform`` and ``skewed`` of TetriServe (arXiv 2510.01565, evaluation): 256, 512, 1024 and 2048 pixels
  square, 50 steps, targets 1.5, 2.0, 3.0 and 5.0 s. Skewed: p_i proportional to exp(alpha * L_i / L_max) with
  L the latent tokens and alpha = 1.0.
- ``homogeneous-256`` to ``homogeneous-2048``: one of these shapes alone (the paper's figure 14).
- ``mix-c``: shapes, steps and shares of vllm-omni's mixed benchmark. It publishes no absolute targets, so
  they follow :func:`experiments.workload.deadlines.paper_slo`: 0.80, 1.01, 1.50 and 2.83 s.
- ``small``: 128, 256 and 384 pixels square, 12 steps, for models so small that processor cores serve them.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from experiments.workload.deadlines import PAPER_SLOS, PAPER_STEPS, SloRule, paper_slo
from profiles.extend import latent_tokens
from profiles.shape import Shape


@dataclass(frozen=True, slots=True)
class ShapeClass:
    """One kind of request in a mix.

    Parameters
    ----------
    shape, steps
        What is asked for.
    share
        How often, relative to the other classes; a mix normalises its shares to a sum of 1.
    slo
        Target in seconds after arrival at SLO scale 1.0; ``None`` is *auto*: :meth:`Mix.with_slos` fills it
        in.
    weight
        What meeting the deadline is worth, relative to other requests.

    Raises
    ------
    ValueError
        If a value is out of range. The message names the class, the field and the value.
    """

    shape: Shape
    steps: int
    share: float
    slo: float | None = None
    weight: float = 1.0

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"class {self.shape.label}: steps is {self.steps}; at least 1 is needed")
        if not (math.isfinite(self.share) and self.share >= 0):
            raise ValueError(f"class {self.shape.label}: share is {self.share}; a finite number >= 0 is needed")
        if self.slo is not None and not (math.isfinite(self.slo) and self.slo > 0):
            raise ValueError(f"class {self.shape.label}: slo is {self.slo}; positive seconds or auto is needed")
        if not (math.isfinite(self.weight) and self.weight > 0):
            raise ValueError(f"class {self.shape.label}: weight is {self.weight}; a positive number is needed")


@dataclass(frozen=True, slots=True)
class Mix:
    """Classes of requests with shares that sum to 1.

    Parameters
    ----------
    name
        For tables and manifests.
    classes
        At least one; shares may have any positive sum and are normalised.

    Raises
    ------
    ValueError
        If there is no class, or no share is positive.
    """

    name: str
    classes: tuple[ShapeClass, ...]

    def __post_init__(self) -> None:
        total = math.fsum(c.share for c in self.classes)
        if not (math.isfinite(total) and total > 0):
            shares = [c.share for c in self.classes]
            raise ValueError(
                f"mix {self.name!r}: shares are {shares}; at least one class with a share above 0 is needed"
            )
        normalised = tuple(replace(c, share=c.share / total) for c in self.classes)
        object.__setattr__(self, "classes", normalised)

    @property
    def shares(self) -> NDArray[np.float64]:
        """Shares by class, summing to 1."""
        return np.array([c.share for c in self.classes], dtype=np.float64)

    def with_slos(self, rule: SloRule) -> Mix:
        """Fill in every *auto* target with ``rule(shape, steps)``; the others stay."""
        return Mix(
            self.name,
            tuple(replace(c, slo=rule(c.shape, c.steps)) if c.slo is None else c for c in self.classes),
        )

    def with_auto_slos(self) -> Mix:
        """Make every target *auto*, for another model or other hardware than the mix was published for."""
        return Mix(self.name, tuple(replace(c, slo=None) for c in self.classes))


def uniform() -> Mix:
    """Return the paper's uniform mix: each of its four shapes as often as the others."""
    return Mix("uniform", tuple(_paper_class(shape, 1.0) for shape in PAPER_SLOS))


def skewed(alpha: float = 1.0) -> Mix:
    """Return the paper's skewed mix: p_i proportional to exp(alpha * L_i / L_max), L the latent tokens."""
    longest = max(latent_tokens(shape) for shape in PAPER_SLOS)
    shares = {shape: math.exp(alpha * latent_tokens(shape) / longest) for shape in PAPER_SLOS}
    return Mix("skewed", tuple(_paper_class(shape, share) for shape, share in shares.items()))


def homogeneous(shape: Shape, steps: int = PAPER_STEPS) -> Mix:
    """Return a mix of one shape alone, with the paper's target for it."""
    name = str(shape.height) if shape.height == shape.width and shape.frames == 1 else shape.label
    return Mix(f"homogeneous-{name}", (ShapeClass(shape, steps, 1.0, paper_slo(shape, steps)),))


def mix_c() -> Mix:
    """Return vllm-omni's Mix C: four sizes with their own steps; targets by :func:`paper_slo`."""
    rows = [(512, 20, 0.15), (768, 20, 0.25), (1024, 25, 0.45), (1536, 35, 0.15)]
    classes = (ShapeClass(Shape(size, size), steps, share) for size, steps, share in rows)
    return Mix("mix-c", tuple(classes)).with_slos(paper_slo)


def small() -> Mix:
    """Return a mix for small models on a processor: on two cores, the larger two shapes are worth a group."""
    classes = (ShapeClass(Shape(size, size), 12, 1.0) for size in (128, 256, 384))
    return Mix("small", tuple(classes)).with_slos(paper_slo)


def named_mixes() -> dict[str, Mix]:
    """Return all named mixes by name."""
    mixes = [uniform(), skewed(), *(homogeneous(shape) for shape in PAPER_SLOS), mix_c(), small()]
    return {mix.name: mix for mix in mixes}


def named_mix(name: str) -> Mix:
    """Return the mix of this name.

    Raises
    ------
    ValueError
        If there is none; the message lists the names there are.
    """
    mixes = named_mixes()
    if name not in mixes:
        raise ValueError(f"mix {name!r} is unknown; the named mixes are: {', '.join(mixes)}")
    return mixes[name]


def custom_mix(name: str, classes: Sequence[object]) -> Mix:
    """Build a mix from configuration.

    Parameters
    ----------
    name
        For tables and manifests.
    classes
        :class:`ShapeClass` objects, or mappings or dataclass instances with the keys ``shape`` (a label such
        as ``1024x1024`` or ``1024``), ``steps``, ``share`` and, both optional, ``slo_seconds`` (a number or
        ``auto``, the default) and ``weight``.

    Raises
    ------
    ValueError
        If a key is unknown or missing or a value is unfit. The message names the mix, the class and the key.
    """
    return Mix(name, tuple(_custom_class(f"mix {name!r}, class {i}", given) for i, given in enumerate(classes)))


_REQUIRED = ("shape", "steps", "share")
_OPTIONAL: dict[str, object] = {"slo_seconds": "auto", "weight": 1.0}


def _custom_class(where: str, given: object) -> ShapeClass:
    if isinstance(given, ShapeClass):
        return given
    values = _fields(where, given)
    keys = [*_REQUIRED, *_OPTIONAL]
    for key in values:
        if key not in keys:
            close = difflib.get_close_matches(key, keys, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise ValueError(f"{where}: key {key!r} is unknown; the keys are {', '.join(keys)}{hint}")
    for key in _REQUIRED:
        if key not in values:
            raise ValueError(f"{where}: key {key!r} is missing; {', '.join(_REQUIRED)} are needed")
    values = {**_OPTIONAL, **values}
    shape, slo = values["shape"], values["slo_seconds"]
    try:
        return ShapeClass(
            shape=shape if isinstance(shape, Shape) else Shape.parse(str(shape)),
            steps=_whole(values["steps"]),
            share=_number("share", values["share"]),
            slo=None if slo is None or slo == "auto" else _number("slo_seconds", slo, "seconds or auto"),
            weight=_number("weight", values["weight"]),
        )
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error


def _fields(where: str, given: object) -> dict[str, object]:
    if isinstance(given, Mapping):
        return {str(key): value for key, value in given.items()}
    if dataclasses.is_dataclass(given) and not isinstance(given, type):
        return {field.name: getattr(given, field.name) for field in dataclasses.fields(given)}
    raise ValueError(f"{where}: {given!r} is not a mapping with the keys {', '.join([*_REQUIRED, *_OPTIONAL])}")


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"steps is {value!r}; a whole number is needed")
    return value


def _number(key: str, value: object, wanted: str = "a number") -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{key} is {value!r}; {wanted} is needed")
    return float(value)


def _paper_class(shape: Shape, share: float) -> ShapeClass:
    return ShapeClass(shape, PAPER_STEPS, share, PAPER_SLOS[shape])
