"""A small profile that tests change one thing of."""

from __future__ import annotations

import pytest

from profiles import Profile, Shape, StageEntry, StepEntry

SMALL = Shape(256, 512)
LARGE = Shape(1024, 1024)
DATE = "2026-01-31"


def step(shape: Shape, degree: int, link: str, seconds: float, batch: int = 1) -> StepEntry:
    """Make an entry of which only the key and the time matter."""
    return StepEntry(shape, degree, batch, link, seconds, 0.001, "measured", "stopwatch", DATE)


@pytest.fixture
def profile() -> Profile:
    """Two shapes on two link classes, with a batch and a stage."""
    return Profile(
        name="toy",
        model="Toy",
        hardware="four cards in two pairs",
        links=("nvlink", "pcie"),
        steps=20,
        entries=(
            step(LARGE, 1, "local", 0.4),
            step(LARGE, 2, "pcie", 0.3),
            step(LARGE, 2, "nvlink", 0.25),
            step(LARGE, 4, "pcie", 0.2),
            step(SMALL, 1, "local", 0.1),
            step(SMALL, 1, "local", 0.15, batch=2),
            step(SMALL, 2, "nvlink", 0.1 + 0.2),
        ),
        stages=(StageEntry(LARGE, "decode", 0.5, "published", "a paper", DATE),),
        notes="Made up.",
    )
