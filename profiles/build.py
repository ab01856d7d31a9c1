"""Turn a recipe into a profile: known points as they are, everything else through the fitted model."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from profiles.entries import LOCAL, ProfileError, Provenance, StageEntry, StepEntry
from profiles.fit import Fit, fit_constants, rounded
from profiles.model import Architecture
from profiles.points import Point, select
from profiles.profile import Profile
from profiles.shape import Shape

DIGITS = 6
"""Significant digits of a computed step time."""

ASSUMED_SPREAD = 0.005
"""Coefficient of variation where no source gives one; the published ones lie between 0.0004 and 0.0067."""


@dataclass(frozen=True)
class Series:
    """Points on one link class, and what else determines the constants there.

    Parameters
    ----------
    link
        Link class of the groups of more than one GPU.
    degrees
        Degrees to give; degree 1 comes from a recipe's first series.
    gpu, source, parallel
        Which points to take, as in `profiles.points.select`; none if ``gpu`` is empty.
    pinned
        Constants that are given rather than fitted.
    basis
        Why they are, in words.
    """

    link: str
    degrees: tuple[int, ...]
    gpu: str = ""
    source: str = ""
    parallel: tuple[str, ...] = ()
    pinned: Mapping[str, float] = field(default_factory=dict)
    basis: str = ""


@dataclass(frozen=True)
class Recipe:
    """Everything that a profile is built from, apart from the points.

    Parameters
    ----------
    name, hardware, steps, stages, notes
        As in `Profile`.
    architecture
        The model, and what it computes in one step.
    shapes, batches
        What to give times for.
    series
        One a link class, fastest first.
    date
        ISO day on which the points were read.
    spread
        Coefficient of variation by shape and degree.
    """

    name: str
    architecture: Architecture
    hardware: str
    steps: int
    shapes: tuple[Shape, ...]
    series: tuple[Series, ...]
    date: str
    notes: str = ""
    batches: tuple[int, ...] = (1, 2, 4)
    spread: Callable[[Shape, int], float] = lambda shape, degree: ASSUMED_SPREAD
    stages: tuple[StageEntry, ...] = ()


def fit_series(recipe: Recipe, points: Sequence[Point]) -> tuple[Fit, ...]:
    """Fit the constants of every series of a recipe.

    Raises
    ------
    ProfileError
        If points contradict each other or do not determine the constants; the message names the recipe.
    """
    try:
        return tuple(
            fit_constants(recipe.architecture, _points(recipe, series, points), series.pinned)
            for series in recipe.series
        )
    except ProfileError as error:
        raise ProfileError(f"{recipe.name}: {error}") from None


def build_profile(recipe: Recipe, points: Sequence[Point]) -> Profile:
    """Build a profile: published or measured points where they exist, else the model.

    A computed time is *fitted* if sequence length and degree lie between those of the points and the
    batch is 1; else it is *extrapolated*. Where batch 1 is known, larger batches keep the model's ratio
    to it, so that an error of the model cannot make a batch faster than its one request.

    Raises
    ------
    ProfileError
        As `fit_series`.
    """
    entries: list[StepEntry] = []
    fits = fit_series(recipe, points)
    for shape in recipe.shapes:
        for i, (series, fit) in enumerate(zip(recipe.series, fits, strict=True)):
            known = {(point.shape, point.degree): point for point in fit.points}
            for degree in series.degrees:
                if degree == 1 and i > 0:
                    continue
                for batch in recipe.batches:
                    point = known.get((shape, degree))
                    entries.append(_entry(recipe, series, fit, shape, degree, batch, point))
    return Profile(
        name=recipe.name,
        model=recipe.architecture.model,
        hardware=recipe.hardware,
        links=tuple(series.link for series in recipe.series),
        steps=recipe.steps,
        entries=tuple(entries),
        stages=recipe.stages,
        notes=" ".join([recipe.notes, *map(_summary, recipe.series, fits)]).strip(),
    )


def _points(recipe: Recipe, series: Series, points: Sequence[Point]) -> tuple[Point, ...]:
    if not series.gpu:
        return ()
    model = recipe.architecture.model
    return select(points, model, series.gpu, series.link, series.source, series.parallel)


def _entry(
    recipe: Recipe, series: Series, fit: Fit, shape: Shape, degree: int, batch: int, point: Point | None
) -> StepEntry:
    provenance: Provenance
    if point is not None and batch == 1:
        seconds, provenance, source = point.seconds, point.provenance, f"{point.source} ({point.parallel})"
    else:
        seconds = fit.constants.step_time(recipe.architecture, shape, degree, batch)
        provenance = "fitted" if batch == 1 and fit.covers(shape, degree) else "extrapolated"
        source = f"model, {series.link} constants"
        if point is not None:
            seconds *= point.seconds / fit.constants.step_time(recipe.architecture, shape, degree)
            source += f", relative to the {point.provenance} batch 1"
        seconds = rounded(seconds, DIGITS)
    link = LOCAL if degree == 1 else series.link
    spread = recipe.spread(shape, degree)
    return StepEntry(shape, degree, batch, link, seconds, spread, provenance, source, recipe.date)


def _summary(series: Series, fit: Fit) -> str:
    known = fit.constants
    bandwidth = "free of cost" if math.isinf(known.bandwidth) else f"{known.bandwidth:.4g} GB/s"
    constants = (
        f"c0 {known.overhead * 1e3:.4g} ms, P {known.tflops:.4g} TFLOP/s, "
        f"alpha {known.sync * 1e3:.4g} ms, B {bandwidth}"
    )
    basis = f" {series.basis}" if series.basis else ""
    if not fit.points:
        return f"Model on {series.link}: {constants}; no points.{basis}"
    quality = f"mean error {fit.mean_error:.1%} on {len(fit.points)} points, at most {fit.worst_error:.1%}"
    return f"Model on {series.link}: {constants}; {quality}.{basis}"
