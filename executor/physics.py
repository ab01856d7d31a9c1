"""What simulated hardware does beyond a profile's mean step times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from planner.errors import ParameterError, is_finite, whole
from profiles.profile import Profile

Decode = Literal["workers", "group"]
"""Who decodes: ``workers`` for stages, or ``group``, a GPU of the group that did the last step."""

MOST_NOISE = 0.3
"""Largest coefficient of variation of a step; draws are cut off at three standard deviations."""


def check_decode(decode: str) -> None:
    """Refuse a way to decode that there is not."""
    if decode not in get_args(Decode):
        raise ParameterError("decode", decode, "use 'workers' or 'group'")


@dataclass(frozen=True, slots=True)
class Physics:
    """What the simulated hardware does beyond the profile's mean step times.

    Parameters
    ----------
    noise
        Coefficient of variation of a step is ``noise`` times the profile's spread; 0 makes steps exact.
    noise_cv
        If positive, the coefficient of variation of every step, instead of the profile's.
    regroup_seconds
        Time lost when a job goes on on other GPUs than those that hold its latent.
    stages
        Whether text encoding delays the first step, and VAE decoding delays delivery.
    stage_workers
        How many workers do both, beside the GPUs of the cluster, one text or image at a time each.
    decode
        Whether they decode, or the GPUs of the cluster do; texts are theirs in any case.
    """

    noise: float = 1.0
    noise_cv: float = 0.0
    regroup_seconds: float = 0.001
    stages: bool = False
    stage_workers: int = 1
    decode: Decode = "workers"

    def __post_init__(self) -> None:
        for name in ("noise", "noise_cv", "regroup_seconds"):
            value = getattr(self, name)
            if not (is_finite(value) and value >= 0):
                raise ParameterError(name, value, "a number of at least 0 is needed")
        whole("stage_workers", self.stage_workers)
        check_decode(self.decode)
        if self.noise_cv > MOST_NOISE:
            raise ParameterError("noise_cv", self.noise_cv, f"at most {MOST_NOISE} keeps every step time positive")

    def check_noise(self, profile: Profile) -> None:
        """Refuse noise that would make step times of a profile negative.

        Raises
        ------
        ParameterError
            With the spread that it would make.
        """
        worst = self.noise * max(entry.spread for entry in profile.entries)
        if worst > MOST_NOISE and not self.noise_cv:
            most = f"at most {MOST_NOISE} keeps every step time positive"
            raise ParameterError(
                "noise", self.noise, f"that makes a spread of {worst:.3g} of profile {profile.name}; {most}"
            )
