import pytest

from profiles import ProfileError, Shape
from profiles.build import build_profile
from profiles.custom import parse_pins, recipe_from_points
from profiles.points import read_points
from profiles.recipes import POINTS


def test_defaults_are_those_of_the_points() -> None:
    """Tests that without other wishes a profile holds the shapes and degrees of its points, all published."""
    points = read_points(POINTS)
    recipe = recipe_from_points(
        points, name="mine", model="SD3-medium", gpu="L40", date="2026-01-31", parallel=("hybrid",)
    )
    profile = build_profile(recipe, points)
    assert profile.shapes == (Shape(1024, 1024), Shape(2048, 2048))
    assert profile.degrees(profile.shapes[0], "pcie") == (1, 2, 4, 8, 16)
    assert {entry.provenance for entry in profile.entries} == {"published"}


def test_nothing_matches() -> None:
    """Tests that a choice without points is refused, saying what the file has."""
    with pytest.raises(ProfileError, match=r"no point of FLUX\.1-dev on more than one H999.*FLUX\.1-dev on A100"):
        recipe_from_points(read_points(POINTS), name="", model="FLUX.1-dev", gpu="H999", date="2026-01-31")
    with pytest.raises(ProfileError, match="no architecture for model 'Wan'"):
        recipe_from_points(read_points(POINTS), name="", model="Wan", gpu="H100", date="2026-01-31")


def test_pins() -> None:
    """Tests that pins are read, and refused when their name or number is wrong."""
    assert parse_pins(["overhead=0.005", "tflops=600"]) == {"overhead": 0.005, "tflops": 600.0}
    with pytest.raises(ProfileError, match="pin 'overhead' is not CONSTANT=NUMBER"):
        parse_pins(["overhead"])
    with pytest.raises(ProfileError, match="pin 'speed=1' names no constant; there are overhead"):
        parse_pins(["speed=1"])
