"""A surveyed profile beside what others published of the same model on the same kind of device."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from executor.survey.profile import short
from profiles.entries import LOCAL
from profiles.profile import Profile
from profiles.shape import Shape
from profiles.store import DATA

POINTS = tuple(DATA / name for name in ("latency_points.csv", "latency_points_2026-11.csv"))
"""Published points; rows that say *verify* are left out."""


class TimesBeside(NamedTuple):
    """A published time and ours.

    Parameters
    ----------
    shape, degree
        Of both.
    mode
        How the published one was had, such as ``ulysses2, diffusers+FA3``.
    theirs, ours
        Seconds a step; totals by the number of steps on both sides, where only a total was published.
    total
        Whether it was.
    """

    shape: Shape
    degree: int
    mode: str
    theirs: float
    ours: float
    total: bool


def beside(profile: Profile) -> Iterator[TimesBeside]:
    """Yield the published points that a profile has a time for."""
    for path in POINTS:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                found = _beside(profile, row)
                if found is not None:
                    yield found


def _beside(profile: Profile, row: dict[str, str]) -> TimesBeside | None:
    sizes = row["height"], row["width"], row["frames"], row["num_gpus"], row["steps"]
    alike = row["model"] == profile.model and row["gpu"].lower() == short(profile.hardware)
    if not alike or "verify" in row["source"] or not all(size.isdigit() for size in sizes):
        return None
    height, width, frames, degree, steps = map(int, sizes)
    shape = Shape(height, width, frames)
    link = LOCAL if degree == 1 else profile.links[0]
    if shape not in profile.shapes or degree not in profile.degrees(shape, link if degree > 1 else None):
        return None
    ours, mode = profile.step_time(shape, degree, link), ", ".join(filter(None, (row["parallel"], row["mode"])))
    share = float(row["total_s"]) / steps if row["total_s"] else None
    step = float(row["step_s"]) if row["step_s"] else None
    if step is not None and (share is None or step < 0.995 * share):
        return TimesBeside(shape, degree, mode, step, ours, False)
    if share is None:
        return None
    stages = profile.encode_time(shape) + profile.decode_time(shape)
    return TimesBeside(shape, degree, mode, share, ours + stages / steps, True)


def table(profile: Profile) -> str:
    """Return the comparison as text; empty where nothing was published."""
    rows = list(beside(profile))
    if not rows:
        return ""
    lines = [f"{'published':<12} {'GPUs':>4} {'ms/step':>9} {'ours':>9} {'ratio':>6}  how"]
    lines += [
        f"{row.shape.label:<12} {row.degree:>4} {1e3 * row.theirs:>9.1f} {1e3 * row.ours:>9.1f} "
        f"{row.ours / row.theirs:>6.2f}  {row.mode}{' (total by steps)' if row.total else ''}"
        for row in rows
    ]
    return "\n".join(lines)


def write(profile: Profile, folder: Path) -> str:
    """Write the comparison of a profile into a folder, and return it."""
    text = table(profile)
    if text:
        (folder / f"{profile.name}.txt").write_text(text + "\n", encoding="utf-8")
    return text
