"""Latency targets at SLO scale 1.0: the published ones, and the same tightness for other models and hardware.

TetriServe (arXiv 2510.01565, evaluation) gives FLUX.1-dev requests of 50 steps on 8 x H100 a target of
1.5, 2.0, 3.0 and 5.0 s at 256, 512, 1024 and 2048 pixels square. Two rules follow from these four numbers, and
:func:`slo_rule` says which of them holds:

- :func:`paper_slo`: the targets themselves, in proportion to the steps. Between the four sizes they are
  interpolated linearly in the logarithms of tokens and seconds; beyond them the nearest one holds.
- :func:`slo_from_profile`: for anything that is not FLUX on H100. The paper's *tightness* is kept: the target
  divided by the fastest possible denoising time, interpolated in the logarithm of tokens. The fastest step is that of
  a reference cluster of eight GPUs, whatever the cluster that serves: more GPUs do not make a request more urgent.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from profiles.extend import latent_tokens
from profiles.profile import Profile
from profiles.shape import Shape

PAPER_STEPS = 50
"""Denoising steps behind the published targets."""

PAPER_SLOS: dict[Shape, float] = {
    Shape(256, 256): 1.5,
    Shape(512, 512): 2.0,
    Shape(1024, 1024): 3.0,
    Shape(2048, 2048): 5.0,
}
"""Published targets in seconds at scale 1.0, by shape."""

H100_FASTEST_STEPS: dict[Shape, float] = {
    Shape(256, 256): 0.0151462,
    Shape(512, 512): 0.0178644,
    Shape(1024, 1024): 0.0304571,
    Shape(2048, 2048): 0.108345,
}
"""Seconds per step of FLUX.1-dev on eight H100 of one NVLink domain: those of the profile ``flux1-dev_h100``."""

PAPER_MODEL, PAPER_GPU = "FLUX.1-dev", "H100"
"""What the targets were published for."""

REFERENCE_GPUS = 8
"""GPUs of the cluster that targets are as tight for, unless the user says otherwise."""

DEADLINES = ("auto", "paper", "profile", "stages")
"""Names of the rules; see :func:`slo_rule`."""

SloRule = Callable[[Shape, int], float]
"""From a shape and a number of steps to a target in seconds after arrival, at scale 1.0."""


def paper_slo(shape: Shape, steps: int) -> float:
    """Give the published target in seconds, interpolated over tokens and in proportion to `steps`.

    Examples
    --------
    >>> paper_slo(Shape(1024, 1024), steps=50)
    3.0
    >>> paper_slo(Shape(1024, 1024), steps=25)
    1.5

    Raises
    ------
    ValueError
        If `steps` is below 1.
    """
    _check_steps(steps)
    if shape in PAPER_SLOS:
        return PAPER_SLOS[shape] * steps / PAPER_STEPS
    known = [math.log(seconds) for seconds in PAPER_SLOS.values()]
    return math.exp(_over_tokens(shape, known)) * steps / PAPER_STEPS


def paper_tightness(shape: Shape) -> float:
    """Divide the published target by the fastest denoising time on eight H100.

    1.98, 2.24, 1.97 and 0.92 at 256, 512, 1024 and 2048 square. Below 1 no schedule can meet scale 1.0: the
    fit is slower at 2048 than the authors' machine, on which the target is just feasible.
    """
    known = [PAPER_SLOS[s] / (PAPER_STEPS * H100_FASTEST_STEPS[s]) for s in PAPER_SLOS]
    return _over_tokens(shape, known)


def fastest_step(profile: Profile, shape: Shape, *, link: str | None = None, max_degree: int | None = None) -> float:
    """Find the least seconds per step of one request of `shape` in `profile`.

    Parameters
    ----------
    profile
        The model and hardware.
    shape
        Looked up exactly; nothing is interpolated.
    link
        Only entries of this link class; entries of degree 1 count whatever their link. ``None`` for all.
    max_degree
        Only entries of at most this degree, for a cluster smaller than the profile's. ``None`` for all.

    Raises
    ------
    ValueError
        If no entry is left. The message names what was asked for and the shapes that the profile has.
    """
    times = [
        entry.seconds
        for entry in profile.entries
        if entry.shape == shape
        and entry.batch == 1
        and (link is None or entry.link == link or entry.degree == 1)
        and (max_degree is None or entry.degree <= max_degree)
    ]
    if not times:
        known = ", ".join(s.label for s in profile.shapes)
        raise ValueError(
            f"profile {profile.name} has no step of {shape.label} at batch 1 on link {link or '(any)'} "
            f"with degree at most {max_degree or '(any)'}; its shapes are {known}"
        )
    return min(times)


def slo_from_profile(
    profile: Profile, shape: Shape, steps: int, *, link: str | None = None, max_degree: int | None = None
) -> float:
    """Give a target in seconds that is as tight for `profile` as the paper's is for FLUX.1-dev on eight H100.

    ``paper_tightness(shape) * steps * fastest_step(profile, shape)``; parameters as in :func:`fastest_step`.

    Raises
    ------
    ValueError
        If `steps` is below 1 or the profile has no entry for `shape`.
    """
    _check_steps(steps)
    return paper_tightness(shape) * steps * fastest_step(profile, shape, link=link, max_degree=max_degree)


def profile_slo(profile: Profile, *, link: str | None = None, max_degree: int | None = None) -> SloRule:
    """Make the rule that answers with :func:`slo_from_profile` of this profile."""

    def rule(shape: Shape, steps: int) -> float:
        return slo_from_profile(profile, shape, steps, link=link, max_degree=max_degree)

    return rule


def is_papers(profile: Profile) -> bool:
    """Whether a profile is of the model and the GPUs that the targets were published for, whatever its name."""
    return profile.model == PAPER_MODEL and PAPER_GPU in re.findall(r"\w+", profile.hardware)


@dataclass(frozen=True)
class Targets:
    """A rule for the targets of one run, and its words; callable as a :data:`SloRule`.

    Parameters
    ----------
    rule
        Gives seconds after arrival.
    words
        What the rule is, for the description of a run.
    published
        Whether the targets are the paper's; then those that a mix brings along are, too.
    """

    rule: SloRule
    words: str
    published: bool

    def __call__(self, shape: Shape, steps: int) -> float:
        """Return the target in seconds at scale 1.0."""
        return self.rule(shape, steps)


def slo_rule(profile: Profile, deadlines: str = "auto", reference_gpus: int = REFERENCE_GPUS) -> Targets:
    """Give the one rule by which a request without a target of its own gets one.

    Parameters
    ----------
    profile
        The model and hardware that serve.
    deadlines
        ``paper``: the published seconds (:func:`paper_slo`). ``profile``: as tight for this profile as the paper's are
        for FLUX.1-dev on eight H100 (:func:`slo_from_profile`). ``stages``: the same and the time of encoding and
        decoding. ``auto``: ``paper`` if the profile's model is FLUX.1-dev and its hardware H100 (:func:`is_papers`),
        else ``profile``.
    reference_gpus
        With ``profile`` and ``stages``: the fastest step counts on up to so many GPUs, or on all that the profile has.

    Raises
    ------
    ValueError
        If ``deadlines`` is none of these, or ``reference_gpus`` is below 1.
    """
    if deadlines not in DEADLINES:
        raise ValueError(f"deadlines is {deadlines!r}; use 'auto', 'paper', 'profile' or 'stages'")
    if reference_gpus < 1:
        raise ValueError(f"reference_gpus is {reference_gpus}; a whole number of at least 1 is needed")
    if deadlines == "paper" or (deadlines == "auto" and is_papers(profile)):
        return Targets(paper_slo, f"the seconds published for {PAPER_MODEL} on {PAPER_GPU}", True)
    steps_only = profile_slo(profile, max_degree=reference_gpus)
    most = min(reference_gpus, max(entry.degree for entry in profile.entries))
    words = f"as tight as the published ones, for {profile.model} on {most} x {profile.hardware.split(',')[0]}"
    if deadlines != "stages":
        return Targets(steps_only, words, False)

    def with_stages(shape: Shape, steps: int) -> float:
        return steps_only(shape, steps) + profile.encode_time(shape) + profile.decode_time(shape)

    return Targets(with_stages, f"{words}, with the time of text and image", False)


def _over_tokens(shape: Shape, known: list[float]) -> float:
    anchors = [math.log(latent_tokens(s)) for s in PAPER_SLOS]
    return float(np.interp(math.log(latent_tokens(shape)), anchors, known))


def _check_steps(steps: int) -> None:
    if steps < 1:
        raise ValueError(f"steps is {steps}; at least 1 is needed")
