from dataclasses import replace

import pytest

from profiles import LOCAL, ProfileError, Shape
from profiles.build import Recipe, Series, build_profile
from profiles.model import Constants, architecture
from profiles.points import Point

FLUX = architecture("FLUX.1-dev")
TRUTH = Constants(0.01, 300, 0.02, 50)
SIDES = (512, 1024, 2048)


def points(provenance: str = "published") -> list[Point]:
    """Noiseless times of three squares on 1, 2 and 4 GPUs."""
    found = []
    for side in SIDES:
        for degree in (1, 2, 4):
            shape = Shape(side, side)
            seconds = TRUTH.step_time(FLUX, shape, degree)
            found.append(
                Point("FLUX.1-dev", "X", "nvlink", degree, "sp", shape, seconds, provenance, "lab", 2)  # type: ignore[arg-type]
            )
    return found


RECIPE = Recipe(
    name="flux_x",
    architecture=FLUX,
    hardware="X",
    steps=10,
    shapes=tuple(Shape(side, side) for side in (256, 512, 768)),
    series=(Series("nvlink", (1, 2, 8), gpu="X"),),
    date="2026-01-31",
    batches=(1, 2),
)


@pytest.mark.parametrize(
    ("side", "degree", "batch", "provenance"),
    [
        (512, 2, 1, "published"),
        (768, 2, 1, "fitted"),
        (256, 2, 1, "extrapolated"),
        (768, 8, 1, "extrapolated"),
        (512, 2, 2, "extrapolated"),
    ],
)
def test_provenance(side: int, degree: int, batch: int, provenance: str) -> None:
    """Tests that known points, what lies between them, and what lies beyond are told apart."""
    profile = build_profile(RECIPE, points())
    assert profile.entry(Shape(side, side), degree, "nvlink", batch).provenance == provenance


def test_measured_points_stay_measured() -> None:
    """Tests that measured points become measured entries with their own source."""
    entry = build_profile(RECIPE, points("measured")).entry(Shape(512, 512), 1, LOCAL)
    assert (entry.provenance, entry.source) == ("measured", "lab (sp)")


def test_computed_times_follow_the_model() -> None:
    """Tests that a computed time is the model's, with the constants behind the points."""
    seconds = build_profile(RECIPE, points()).step_time(Shape(768, 768), 8, "nvlink", batch=2)
    assert seconds == pytest.approx(TRUTH.step_time(FLUX, Shape(768, 768), 8, 2), rel=2e-3)


def test_batches_keep_the_ratio_to_a_known_time() -> None:
    """Tests that a known time far off the model shifts its larger batches with it."""
    shape = Shape(1024, 1024)
    slow = [replace(p, seconds=9 * p.seconds) if (p.shape, p.degree) == (shape, 4) else p for p in points()]
    pinned = {"overhead": 0.01, "tflops": 300.0, "sync": 0.02, "bandwidth": 50.0}
    series = Series("nvlink", (1, 4), gpu="X", pinned=pinned)
    profile = build_profile(replace(RECIPE, shapes=(shape,), series=(series,)), slow)
    assert profile.step_time(shape, 4, "nvlink", 2) == pytest.approx(9 * TRUTH.step_time(FLUX, shape, 4, 2))


def test_errors_name_the_recipe() -> None:
    """Tests that points that do not determine the constants are refused with the recipe's name."""
    with pytest.raises(ProfileError, match="flux_y: 0 points do not determine"):
        build_profile(replace(RECIPE, name="flux_y"), [])
