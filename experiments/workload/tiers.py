"""Tiers: classes of service, such as premium and standard, that requests of any mix are divided into.

A tier says what meeting a deadline is worth and how long the deadline is. Which tier a request belongs to is drawn from
a generator of its own: other tiers leave arrivals, shapes and jitter as they are.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from profiles.shape import Shape


@dataclass(frozen=True, slots=True)
class Tier:
    """A class of service.

    Parameters
    ----------
    name
        For tables; printable, in one line.
    share
        How often, relative to the other tiers that a request's shape may belong to.
    weight
        Multiplies the weight of its requests.
    deadline
        Multiplies the time from arrival to deadline of its requests.
    shapes
        The only shapes that belong to it; empty for all.

    Raises
    ------
    ValueError
        If a value is out of range. The message names the tier, the field and the value.
    """

    name: str
    share: float
    weight: float = 1.0
    deadline: float = 1.0
    shapes: tuple[Shape, ...] = ()

    def __post_init__(self) -> None:
        if not self.name.isprintable():
            raise ValueError(f"tier {self.name!r}: name has characters that cannot be printed; one line is needed")
        for field in ("share", "weight", "deadline"):
            value = getattr(self, field)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"tier {self.name!r}: {field} is {value}; a positive finite number is needed")

    def takes(self, shape: Shape) -> bool:
        """Whether a request of this shape may belong to it."""
        return not self.shapes or shape in self.shapes


ALL_ALIKE = Tier("", 1.0)
"""The one tier of a workload without tiers."""


def draw_tiers(tiers: Sequence[Tier], shapes: Sequence[Shape], rng: np.random.Generator) -> list[Tier]:
    """Draw the tier of every request by inversion: one uniform number per request, whatever the tiers are.

    Raises
    ------
    ValueError
        If a name occurs twice, or no tier takes one of the shapes.
    """
    names = _names(tiers)
    choices: dict[Shape, tuple[list[Tier], np.ndarray]] = {}
    drawn = []
    for shape, number in zip(shapes, rng.random(len(shapes)).tolist(), strict=True):
        if shape not in choices:
            own = [tier for tier in tiers if tier.takes(shape)]
            if not own:
                raise ValueError(
                    f"no tier takes {shape.label}; the tiers are {', '.join(names)}: add it to shapes of one"
                )
            choices[shape] = own, np.cumsum([tier.share for tier in own])
        own, cumulative = choices[shape]
        pick = int(np.searchsorted(cumulative, number * cumulative[-1], side="right"))
        drawn.append(own[min(pick, len(own) - 1)])
    return drawn


def _names(tiers: Sequence[Tier]) -> list[str]:
    names = [tier.name for tier in tiers]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"tier {name!r} occurs twice; names must be unique")
    return names


_FIELDS = tuple(field.name for field in dataclasses.fields(Tier))


def custom_tiers(given: Sequence[object]) -> tuple[Tier, ...]:
    """Build tiers from configuration: mappings with ``name``, ``share`` and, optional, ``weight``, ``deadline``, ``shapes``.

    Raises
    ------
    ValueError
        If a key is unknown or missing or a value is unfit. The message names the tier and the key.
    """
    tiers = tuple(_custom_tier(f"tier {index}", values) for index, values in enumerate(given))
    _names(tiers)
    return tiers


def _custom_tier(where: str, given: object) -> Tier:
    if not isinstance(given, Mapping):
        raise ValueError(f"{where}: {given!r} is not a mapping with the keys {', '.join(_FIELDS)}")
    for key in given:
        if key not in _FIELDS:
            close = difflib.get_close_matches(str(key), _FIELDS, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise ValueError(f"{where}: key {key!r} is unknown; the keys are {', '.join(_FIELDS)}{hint}")
    for key in ("name", "share"):
        if key not in given:
            raise ValueError(f"{where}: key {key!r} is missing; name and share are needed")
    if not str(given["name"]).strip():
        raise ValueError(f"{where}: name is {given['name']!r}; some characters are needed")
    numbers = {}
    for key in ("share", "weight", "deadline"):
        value = given.get(key, 1.0)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"{where}: {key} is {value!r}; a number is needed")
        numbers[key] = float(value)
    shapes = given.get("shapes", [])
    if not isinstance(shapes, Sequence) or isinstance(shapes, str):
        raise ValueError(f"{where}: shapes is {shapes!r}; a list is needed, for example [2048x2048]")
    try:
        return Tier(str(given["name"]), shapes=tuple(Shape.parse(str(shape)) for shape in shapes), **numbers)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
