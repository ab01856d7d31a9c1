"""One line of a profile: what a step, or a stage around the steps, costs, and how that is known."""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass
from typing import Literal, get_args

from profiles.shape import Shape

LOCAL = "local"
"""The link class of a group of one GPU, which talks to nobody."""

Provenance = Literal["measured", "emulated", "published", "fitted", "extrapolated"]
"""How a number is known: timed by us; one member's share timed by us, with communication from a model; stated by a
source; or computed from a model, inside or outside the points it was fitted on."""

PROVENANCES: tuple[Provenance, ...] = get_args(Provenance)

Stage = Literal["encode", "decode"]
"""The stages before and after the denoising steps: text encoding, and latent to pixels."""

TimedStage = Literal["encode", "decode", "write"]
"""What a profile times of them. ``write`` is the end of ``decode``: the file is written beside what comes next."""

TIMED_STAGES: tuple[TimedStage, ...] = get_args(TimedStage)


class ProfileError(ValueError):
    """A profile is not well formed, or was asked for something that it does not hold."""


@dataclass(frozen=True, slots=True)
class StepEntry:
    """The time of one denoising step.

    Parameters
    ----------
    shape
        What each request of the batch asked for.
    degree
        GPUs that run the step together.
    batch
        Requests that share the step.
    link
        Link class between the GPUs, `LOCAL` exactly when ``degree`` is 1.
    seconds
        Wall-clock seconds per step of the whole batch.
    spread
        Coefficient of variation of a step (standard deviation / mean).
    provenance
        How ``seconds`` is known.
    source
        Where ``seconds`` comes from, in words.
    date
        ISO day on which the value was measured, read off its source, or computed.

    Raises
    ------
    ProfileError
        If a field has an impossible value; the message starts with the field's name.
    """

    shape: Shape
    degree: int
    batch: int
    link: str
    seconds: float
    spread: float
    provenance: Provenance
    source: str
    date: str

    def __post_init__(self) -> None:
        _check_count("degree", self.degree)
        _check_count("batch", self.batch)
        if (self.degree == 1) != (self.link == LOCAL):
            right = f"{LOCAL!r}, since one GPU has no link" if self.degree == 1 else "a link class between GPUs"
            raise ProfileError(f"link is {self.link!r} at degree {self.degree}; it must be {right}")
        _check_seconds(self.seconds)
        if not (math.isfinite(self.spread) and self.spread >= 0):
            raise ProfileError(f"spread is {self.spread!r}; it must be a finite number, 0 or more")
        _check_origin(self.provenance, self.date)

    @property
    def key(self) -> tuple[Shape, int, str, int]:
        """(shape, degree, link, batch): what the entry is looked up by."""
        return self.shape, self.degree, self.link, self.batch


@dataclass(frozen=True, slots=True)
class StageEntry:
    """The time of a stage that one request passes once.

    Parameters
    ----------
    shape
        What the request asked for.
    stage
        ``encode`` (before the steps), ``decode`` (after them), or ``write``: the end of ``decode``, in which the image is
        made, and whoever has made it does something else while its file is written.
    seconds
        Wall-clock seconds of the stage on one GPU.
    provenance, source, date
        As in `StepEntry`.

    Raises
    ------
    ProfileError
        If a field has an impossible value; the message starts with the field's name.
    """

    shape: Shape
    stage: TimedStage
    seconds: float
    provenance: Provenance
    source: str
    date: str

    def __post_init__(self) -> None:
        if self.stage not in TIMED_STAGES:
            raise ProfileError(f"stage is {self.stage!r}; it must be one of {', '.join(TIMED_STAGES)}")
        _check_seconds(self.seconds)
        _check_origin(self.provenance, self.date)

    @property
    def key(self) -> tuple[Shape, str]:
        """(shape, stage): what the entry is looked up by."""
        return self.shape, self.stage


def _check_count(field: str, value: int) -> None:
    if value < 1:
        raise ProfileError(f"{field} is {value!r}; it must be at least 1")


def _check_seconds(value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise ProfileError(f"seconds is {value!r}; it must be a positive, finite number")


def _check_origin(provenance: str, date: str) -> None:
    if provenance not in PROVENANCES:
        raise ProfileError(f"provenance is {provenance!r}; it must be one of {', '.join(PROVENANCES)}")
    try:
        datetime.date.fromisoformat(date)
    except ValueError:
        raise ProfileError(f"date is {date!r}; it must be an ISO day such as 2026-01-31") from None
