"""What was measured rather than published or fitted: profiles of hardware at hand, and what the executor adds to a step."""

from __future__ import annotations

import re
from pathlib import Path

from profiles import Profile, Shape, list_profiles, load_profile
from profiles.entries import LOCAL, PROVENANCES, Provenance

ROOT = Path(__file__).resolve().parents[1]
FIDELITY = ROOT / "docs/tables/fidelity/profile.json"
"""Step times of a small FLUX on processor cores, from ``make tables-fidelity``; there once that has been run."""
EXECUTOR = ROOT / "docs/tables/executor/table.md"
"""What the executor adds to the model, from ``make tables-executor``."""
TIMED = ("measured", "emulated")
"""Provenances of step times that were timed here, as a whole or one member's share of them."""


def measured_profiles(fidelity: Path = FIDELITY) -> list[Profile]:
    """Return the profiles in which steps on more than one worker were timed: shipped ones, and the fidelity run's.

    Of several of one model on one kind of hardware, the fastest.
    """
    fastest: dict[tuple[str, str], Profile] = {}
    for profile in map(load_profile, list_profiles()):
        what = profile.model, profile.hardware
        if _timed(profile) and (what not in fastest or _smallest(profile) < _smallest(fastest[what])):
            fastest[what] = profile
    found = list(fastest.values())
    if fidelity.exists():
        profile = load_profile(str(fidelity))
        found += [profile] if _timed(profile) else []
    return found


def _smallest(profile: Profile) -> float:
    """Return the seconds of a step of the first shape on one device."""
    return profile.step_time(profile.shapes[0], 1, LOCAL)


def _timed(profile: Profile) -> bool:
    return any(entry.degree > 1 and entry.provenance in TIMED for entry in profile.entries)


def weaker(first: Provenance, second: Provenance) -> Provenance:
    """Return the provenance of a number that is computed from two."""
    return max(first, second, key=PROVENANCES.index)


def scaling(profile: Profile, batch: int = 1) -> list[tuple[Shape, int, float, Provenance]]:
    """Return shape, degree, scaling efficiency T(1) / (k T(k)) and its provenance, on the fastest link there is."""
    rows = []
    for shape in profile.shapes:
        if not profile.has(shape, 1, "local", batch):
            continue
        alone = profile.entry(shape, 1, "local", batch)
        for degree in profile.degrees(shape):
            link = next((link for link in ("local", *profile.links) if profile.has(shape, degree, link, batch)), None)
            if link is not None:
                entry = profile.entry(shape, degree, link, batch)
                efficiency = alone.seconds / (degree * entry.seconds)
                rows.append((shape, degree, efficiency, weaker(alone.provenance, entry.provenance)))
    return rows


def hand_over(table: Path = EXECUTOR) -> tuple[float, float, float] | None:
    """Return milliseconds from a chunk to the next on the same group and on another one, and of a step; None without table.

    Raises
    ------
    ValueError
        If the table lacks a row.
    """
    if not table.exists():
        return None
    text = table.read_text(encoding="utf-8")
    found = []
    for pattern in (
        r"from a chunk to the next, same group \| ([\d.]+) ms",
        r"from a chunk to the next, another group \| ([\d.]+) ms",
        r"another group at every step over never another .* steps of ([\d.]+) ms",
    ):
        match = re.search(pattern, text)
        if match is None:
            raise ValueError(f"{table} has no row that matches {pattern!r}; run make tables-executor")
        found.append(float(match[1]))
    return found[0], found[1], found[2]
