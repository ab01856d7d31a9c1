"""A recipe for anybody's points: what ``python -m profiles fit`` builds a profile from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from profiles.build import Recipe, Series
from profiles.entries import ProfileError
from profiles.fit import CONSTANTS
from profiles.model import architecture
from profiles.points import Point
from profiles.shape import Shape


def recipe_from_points(
    points: Sequence[Point],
    *,
    name: str,
    model: str,
    gpu: str,
    date: str,
    source: str = "",
    parallel: tuple[str, ...] = (),
    forwards: int | None = None,
    pinned: Mapping[str, float] | None = None,
    shapes: Sequence[Shape] = (),
    degrees: Sequence[int] = (),
    batches: Sequence[int] = (1,),
    steps: int = 50,
) -> Recipe:
    """Describe a profile of one model on one GPU, with one series for every link class in the points.

    Parameters
    ----------
    points
        All points of a file.
    name, steps
        As in `Profile`.
    model, gpu, source, parallel
        Which points to take, as in `profiles.points.select`.
    date
        ISO day on which they were measured or read.
    forwards
        Forward passes a step; as the model's guidance needs if not given.
    pinned
        Constants that are given rather than fitted.
    shapes, degrees, batches
        What to give times for; shapes and degrees are those of the points if not given.

    Raises
    ------
    ProfileError
        If the architecture is unknown or no point of more than one GPU matches.
    """
    try:
        known = architecture(model, forwards)
    except ValueError as error:
        raise ProfileError(str(error)) from None
    taken = [
        point
        for point in points
        if (point.model, point.gpu) == (model, gpu)
        and source in point.source
        and (not parallel or point.parallel in parallel)
    ]
    links = tuple(dict.fromkeys(point.link for point in taken if point.degree > 1))
    if not links:
        have = sorted({f"{point.model} on {point.gpu}" for point in points if point.degree > 1})
        raise ProfileError(
            f"no point of {model} on more than one {gpu} matches; the file has {', '.join(have) or 'none at all'}"
        )
    wanted = tuple(sorted({1, *(degrees or (point.degree for point in taken))}))
    return Recipe(
        name=name,
        architecture=known,
        hardware=f"{gpu}, {', '.join(links)}",
        steps=steps,
        shapes=tuple(shapes) or tuple(sorted({point.shape for point in taken}, key=lambda shape: shape.pixels)),
        series=tuple(
            Series(link, wanted, gpu=gpu, source=source, parallel=parallel, pinned=pinned or {}) for link in links
        ),
        date=date,
        batches=tuple(batches),
        notes="Spreads are assumed, 0.5 % of a step.",
    )


def parse_pins(texts: Sequence[str]) -> dict[str, float]:
    """Read pins such as ``overhead=0.005``.

    Raises
    ------
    ProfileError
        If one has another form, or no such constant exists.
    """
    pins = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            pins[name] = float(value)
        except ValueError:
            raise ProfileError(f"pin {text!r} is not CONSTANT=NUMBER, for example overhead=0.005") from None
        if name not in CONSTANTS:
            raise ProfileError(f"pin {text!r} names no constant; there are {', '.join(CONSTANTS)}")
    return pins
