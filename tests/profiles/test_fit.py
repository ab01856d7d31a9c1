import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles import ProfileError, Shape
from profiles.fit import fit_constants
from profiles.model import Constants, architecture
from profiles.points import Point

FLUX = architecture("FLUX.1-dev")
GRID = [(Shape(side, side), degree) for side in (256, 512, 1024, 2048) for degree in (1, 2, 4, 8)]


def points(constants: Constants, grid: Sequence[tuple[Shape, int]] = GRID) -> list[Point]:
    """Noiseless times."""
    return [
        Point("FLUX.1-dev", "X", "nvlink", k, "sp", s, constants.step_time(FLUX, s, k), "measured", "", 2)
        for s, k in grid
    ]


@given(st.floats(0.001, 0.05), st.floats(50, 900), st.floats(0.001, 0.05), st.floats(10, 500))
def test_recovers_constants(overhead: float, tflops: float, sync: float, bandwidth: float) -> None:
    """Tests that the constants behind noiseless times are found, to the digits that are kept."""
    found = fit_constants(FLUX, points(Constants(overhead, tflops, sync, bandwidth)))
    assert found.constants.overhead == pytest.approx(overhead, rel=2e-3)
    assert found.constants.tflops == pytest.approx(tflops, rel=2e-3)
    assert found.constants.sync == pytest.approx(sync, rel=2e-3)
    assert found.constants.bandwidth == pytest.approx(bandwidth, rel=2e-3)
    assert found.mean_error < 1e-3


def test_pinned_constants_stay() -> None:
    """Tests that pinned constants are kept, and that the others still minimize the error."""
    truth = Constants(0.01, 300, 0.02, 50)
    found = fit_constants(FLUX, points(truth), {"overhead": 0.01, "bandwidth": 50})
    assert found.constants == truth


def test_costless_traffic() -> None:
    """Tests that times without any cost of traffic give an infinite bandwidth, not a failure."""
    found = fit_constants(FLUX, points(Constants(0.01, 300, 0.0, math.inf)), {"sync": 0.0})
    assert found.constants.bandwidth > 1e4


def test_errors_are_relative_to_the_points() -> None:
    """Tests the reported errors on points that the pinned constants miss by known amounts."""
    truth = Constants(0.01, 300, 0.02, 50)
    pinned = {"overhead": 0.02, "tflops": 150.0, "sync": 0.04, "bandwidth": 25.0}
    found = fit_constants(FLUX, points(truth), pinned)
    assert found.errors == pytest.approx([1.0] * len(GRID))
    assert found.mean_error == pytest.approx(found.worst_error) == pytest.approx(1.0)


def test_too_few_points() -> None:
    """Tests that points that cannot determine the constants are refused, naming those constants."""
    few = points(Constants(0.01, 300, 0.02, 50), GRID[:2])
    with pytest.raises(ProfileError, match=r"2 points do not determine overhead, tflops, sync, bandwidth"):
        fit_constants(FLUX, few)
    with pytest.raises(ProfileError, match="0 points do not determine"):
        fit_constants(FLUX, [], {"sync": 0.0})


def test_impossible_pins() -> None:
    """Tests that pins with an unknown name or an impossible value are refused by name."""
    with pytest.raises(ProfileError, match="cannot pin 'speed'; the constants are overhead"):
        fit_constants(FLUX, [], {"speed": 1.0})
    with pytest.raises(ProfileError, match=r"tflops is 0\.0; it must be finite and positive"):
        fit_constants(FLUX, [], {"overhead": 0.0, "tflops": 0.0, "sync": 0.0, "bandwidth": 1.0})


def test_covers_only_between_points() -> None:
    """Tests that a fit covers what lies between its points in sequence length and in degree, and no more."""
    grid = [(Shape(side, side), degree) for side in (512, 2048) for degree in (1, 4)]
    found = fit_constants(FLUX, points(Constants(0.01, 300, 0.02, 50), grid))
    assert found.covers(Shape(1024, 1024), 2)
    assert not found.covers(Shape(256, 256), 2)
    assert not found.covers(Shape(1024, 1024), 8)
