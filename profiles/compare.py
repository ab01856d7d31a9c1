"""Two profiles of one model side by side: the same steps on other hardware, or known in another way."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from profiles.entries import LOCAL, ProfileError
from profiles.profile import Profile
from profiles.shape import Shape


class Pair(NamedTuple):
    """A step that both profiles know, of one request.

    Parameters
    ----------
    shape, degree
        Of both; on each profile's fastest link.
    seconds, other
        A step in the first profile, and in the second.
    """

    shape: Shape
    degree: int
    seconds: float
    other: float

    @property
    def ratio(self) -> float:
        """How many times as long the first takes."""
        return self.seconds / self.other


def pairs(profile: Profile, other: Profile) -> Iterator[Pair]:
    """Yield every step that two profiles both know.

    Raises
    ------
    ProfileError
        If there is none.
    """
    common = [shape for shape in profile.shapes if shape in other.shapes]
    if not common:
        raise ProfileError(f"profiles {profile.name} and {other.name} have no shape in common")
    for shape in common:
        for degree in profile.degrees(shape):
            if degree in other.degrees(shape):
                yield Pair(shape, degree, _fastest(profile, shape, degree), _fastest(other, shape, degree))


def write(found: Iterator[Pair], path: Path, names: tuple[str, str]) -> None:
    """Write pairs as CSV, in milliseconds."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("step", *names, "ratio"))
        for pair in found:
            label = f"{pair.shape.label} on {pair.degree}"
            rows.writerow((label, f"{1e3 * pair.seconds:.1f}", f"{1e3 * pair.other:.1f}", f"{pair.ratio:.2f}"))


def _fastest(profile: Profile, shape: Shape, degree: int) -> float:
    links = (LOCAL,) if degree == 1 else profile.links
    return min(profile.step_time(shape, degree, link) for link in links if degree in profile.degrees(shape, link))
