"""Shapes that a profile does not hold: what they cost, by transpose, by interpolation in work, or by the nearest one.

A step's time grows with its work: its arithmetic where the model's architecture is known (:mod:`profiles.model`), else its
latent tokens. Between two known shapes it is interpolated linearly in the work, for every degree, link class and batch
by itself; since the analytic model is linear in the arithmetic, this is the profile's own model, bent to go through what
is known. Above the largest shape the last line goes on. Below the smallest, so does the first, but never below
the share of the work. With one known shape, times above it are in proportion and those below it are the same.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from profiles.entries import ProfileError, StageEntry, StepEntry
from profiles.fit import rounded
from profiles.model import ARCHITECTURES
from profiles.profile import Profile
from profiles.shape import Shape

UNKNOWN_SHAPES: Mapping[str, str] = {
    "model": "the transpose where it is known, else interpolation in the work of a step",
    "nearest": "the transpose where it is known, else the known shape with the nearest work",
    "exact": "refused",
}
"""What may be done with a shape that a profile does not hold; the first is the default."""

DIGITS = 6
"""Significant digits of a computed time."""


@dataclass(frozen=True)
class Extension:
    """A profile with more shapes.

    Parameters
    ----------
    profile
        The old entries and new ones, marked *extrapolated*; the old profile itself if nothing was missing.
    sources
        By new shape, where its times come from, in words.
    """

    profile: Profile
    sources: Mapping[Shape, str]

    @property
    def note(self) -> str:
        """One sentence that lists all new shapes; empty if there are none."""
        if not self.sources:
            return ""
        by_source: dict[str, list[str]] = {}
        for shape, source in self.sources.items():
            by_source.setdefault(source, []).append(shape.label)
        listed = "; ".join(f"{', '.join(labels)} ({source})" for source, labels in by_source.items())
        return f"extrapolated step times of shapes that profile {self.profile.name} does not hold: {listed}"


def latent_tokens(shape: Shape) -> float:
    """Tokens of the latent: one per 16 x 16 pixels, and one latent frame per 4 frames after the first.

    Sizes are not rounded: only ratios and logarithms of the result are used.
    """
    return (shape.height / 16) * (shape.width / 16) * (1 + (shape.frames - 1) / 4)


def check_unknown_shapes(name: str) -> str:
    """Return a key of `UNKNOWN_SHAPES`.

    Raises
    ------
    ProfileError
        If it is none; the message lists them and names the nearest.
    """
    if name not in UNKNOWN_SHAPES:
        near = difflib.get_close_matches(str(name), UNKNOWN_SHAPES, 1)
        guess = f"; did you mean {near[0]}?" if near else ""
        raise ProfileError(f"shapes is {name!r}; use {', '.join(UNKNOWN_SHAPES)}{guess}")
    return name


def extended(profile: Profile, shapes: Iterable[Shape], how: str = "model") -> Extension:
    """Add the shapes that a profile does not hold.

    Parameters
    ----------
    profile
        Not changed.
    shapes
        What is asked for; shapes that the profile holds are left as they are.
    how
        A key of `UNKNOWN_SHAPES`; with ``exact`` nothing is added, and looking a shape up fails as ever.

    Raises
    ------
    ProfileError
        If ``how`` is unknown; or with a video where the profile holds only images, or an image where it holds only
        videos: their costs have nothing to interpolate between.
    """
    if check_unknown_shapes(how) == "exact":
        return Extension(profile, {})
    known = set(profile.shapes)
    missing = sorted(set(shapes) - known, key=lambda shape: (shape.pixels, shape))
    if not missing:
        return Extension(profile, {})
    work = work_of(profile)
    columns: dict[tuple[int, str, int], list[StepEntry]] = {}
    for entry in profile.entries:
        columns.setdefault((entry.degree, entry.link, entry.batch), []).append(entry)
    stages: dict[str, list[StageEntry]] = {}
    for stage in profile.stages:
        stages.setdefault(stage.stage, []).append(stage)
    steps_added: list[StepEntry] = []
    stages_added: list[StageEntry] = []
    sources: dict[Shape, str] = {}
    for shape in missing:
        alike = _alike(profile, shape)
        turned = Shape(shape.width, shape.height, shape.frames)
        twin = turned if turned in known else None
        if twin is None and how == "nearest":
            twin = min(alike, key=lambda other: (max(work(other), work(shape)) / min(work(other), work(shape)), other))
        sources[shape] = source = _source(shape, twin, turned, alike, work)
        for column in columns.values():
            step = _entry(shape, twin, [entry for entry in column if entry.shape in alike], work)
            if step is not None:
                steps_added.append(replace(step, provenance="extrapolated", source=source))
        for timed in stages.values():
            stage_entry = _entry(shape, twin, [each for each in timed if each.shape in alike], latent_tokens)
            if stage_entry is not None:
                stages_added.append(replace(stage_entry, provenance="extrapolated", source=source))
    entries = (*profile.entries, *steps_added)
    return Extension(replace(profile, entries=entries, stages=(*profile.stages, *stages_added)), sources)


def work_of(profile: Profile) -> Callable[[Shape], float]:
    """Return what step times are interpolated in: TFLOP of one step, or latent tokens of a model that is not known."""
    architecture = ARCHITECTURES.get(profile.model)
    return latent_tokens if architecture is None else architecture.tflop


def _alike(profile: Profile, shape: Shape) -> set[Shape]:
    """Images for an image, videos for a video."""
    alike = {other for other in profile.shapes if (other.frames == 1) == (shape.frames == 1)}
    if not alike:
        asked, held = ("an image", "videos") if shape.frames == 1 else ("a video", "images")
        labels = ", ".join(other.label for other in profile.shapes)
        raise ProfileError(
            f"profile {profile.name} holds only {held} ({labels}) and {shape.label} is {asked}, which no time of it can "
            "be extrapolated from; workload=profile asks for the profile's own shapes"
        )
    return alike


def _source(shape: Shape, twin: Shape | None, turned: Shape, alike: set[Shape], work: Callable[[Shape], float]) -> str:
    if twin is not None:
        return f"as {twin.label}, its transpose" if twin == turned else f"as {twin.label}, the nearest"
    unit = "latent tokens" if work is latent_tokens else "arithmetic"
    least, most = min(map(work, alike)), max(map(work, alike))
    where = "below" if work(shape) < least else "beyond" if work(shape) > most else "between"
    return f"by {unit}, {where} the known shapes"


Entry = TypeVar("Entry", StepEntry, StageEntry)


def _entry(shape: Shape, twin: Shape | None, known: list[Entry], work: Callable[[Shape], float]) -> Entry | None:
    """What a shape costs by one column of known costs; the spread is that of the nearest in work."""
    if twin is not None:
        return next((replace(each, shape=shape) for each in known if each.shape == twin), None)
    if not known:
        return None
    nearest = min(known, key=lambda each: (abs(work(each.shape) - work(shape)), each.shape))
    points: dict[float, list[float]] = {}
    for each in known:
        points.setdefault(work(each.shape), []).append(each.seconds)
    line = sorted((at, sum(seconds) / len(seconds)) for at, seconds in points.items())
    return replace(nearest, shape=shape, seconds=rounded(interpolate(line, work(shape)), DIGITS))


def interpolate(line: list[tuple[float, float]], at: float) -> float:
    """Interpolate seconds over work, as the head of this module says; ``line`` ascends in work and has at least 1 point."""
    (least, first), (most, last) = line[0], line[-1]
    if len(line) == 1:
        return first * max(1.0, at / least)
    if at >= most:
        (before, seconds) = line[-2]
        return last + max(0.0, last - seconds) / (most - before) * (at - most)
    if at <= least:
        (after, seconds) = line[1]
        return max(first - max(0.0, seconds - first) / (after - least) * (least - at), first * at / least)
    upper = next(i for i, point in enumerate(line) if point[0] >= at)
    (x0, y0), (x1, y1) = line[upper - 1], line[upper]
    return y0 + (y1 - y0) * (at - x0) / (x1 - x0)
