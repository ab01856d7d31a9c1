from pathlib import Path

import pytest

from profiles import LOCAL, ProfileError, Shape, load_profile
from profiles.__main__ import main
from profiles.build import fit_series
from profiles.points import read_points
from profiles.recipes import POINTS, RECIPES, find_recipe
from profiles.store import DATA

SURVEYED = (
    "flux1-dev_h200_graphs",
    "flux1-dev_h200_compiled_graphs",
    "sd3-medium_h200_compiled_graphs",
    "qwen-image_h200_compiled_graphs",
)
"""Made of times, not of points; tests/executor/survey remakes them."""

IMAGE_MODELS = [name for name in RECIPES if name.startswith(("flux", "sd3", "qwen"))]
DESIGN = {
    256: (22.2, 22.1, 17.6, 15.15),
    512: (40.8, 32.3, 22.9, 17.9),
    1024: (129, 80, 47.6, 30.5),
    2048: (702, 381, 202, 108),
}


def test_shipped_files_are_what_the_recipes_build(tmp_path: Path) -> None:
    """Tests that one command regenerates all shipped profiles byte for byte; others are shipped only if surveyed."""
    assert main(["build", "--folder", str(tmp_path)]) == 0
    assert {path.name for path in DATA.glob("*.json")} == {f"{name}.json" for name in (*RECIPES, *SURVEYED)}
    for name in RECIPES:
        assert (tmp_path / f"{name}.json").read_bytes() == (DATA / f"{name}.json").read_bytes(), name


@pytest.mark.parametrize("side", DESIGN)
def test_flux_on_h100(side: int) -> None:
    """Tests the step times of FLUX.1-dev on H100 that the rest of the project is designed around."""
    profile = load_profile("flux1-dev_h100")
    times = [profile.step_time(Shape(side, side), k, "nvlink") * 1e3 for k in (1, 2, 4, 8)]
    assert times == pytest.approx(DESIGN[side], rel=4e-3)


def test_flux_on_h100_provenance() -> None:
    """Tests that only the two published times of FLUX.1-dev on H100 call themselves so."""
    profile = load_profile("flux1-dev_h100")
    published = {entry.key: entry.seconds for entry in profile.entries if entry.provenance == "published"}
    square = Shape(1024, 1024)
    assert published == {(square, 1, LOCAL, 1): 0.12885, (square, 2, "nvlink", 1): 0.07998}
    assert {entry.provenance for entry in profile.entries} == {"published", "extrapolated"}


def test_flux_on_h100_whole_request() -> None:
    """Tests that encoding, 50 steps and decoding add up to the published total of 6.693 s."""
    profile = load_profile("flux1-dev_h100")
    square = Shape(1024, 1024)
    steps = profile.steps * profile.step_time(square, 1, LOCAL)
    assert profile.encode_time(square) + steps + profile.decode_time(square) == pytest.approx(6.693, abs=1e-6)


@pytest.mark.parametrize("name", RECIPES)
def test_published_points_are_kept(name: str) -> None:
    """Tests that every point of a series stands in the profile unchanged, called published."""
    profile = load_profile(name)
    for series, fit in zip(RECIPES[name].series, fit_series(RECIPES[name], read_points(POINTS)), strict=True):
        for point in fit.points:
            if profile.has(point.shape, point.degree, series.link):
                entry = profile.entry(point.shape, point.degree, series.link)
                assert (entry.seconds, entry.provenance) == (point.seconds, "published")


@pytest.mark.parametrize("name", IMAGE_MODELS)
def test_image_profiles_cover_what_schedulers_ask(name: str) -> None:
    """Tests that image profiles hold every usual resolution, degree and batch."""
    profile = load_profile(name)
    for side in (256, 512, 768, 1024, 1536, 2048):
        shape = Shape(side, side)
        assert profile.degrees(shape) == ((1, 2, 4) if name.endswith("a40") else (1, 2, 4, 8))
        assert profile.batches(shape, 1, LOCAL) == (1, 2, 4)


@pytest.mark.parametrize(
    ("name", "mean_error"),
    [
        ("flux1-dev_a100", 0.019),
        ("flux1-dev_l20", 0.067),
        ("sd3-medium_a100", 0.052),
        ("qwen-image_h20", 0.074),
    ],
)
def test_fits_stay_as_good(name: str, mean_error: float) -> None:
    """Tests the mean errors that the documentation states."""
    (fit,) = fit_series(RECIPES[name], read_points(POINTS))
    assert fit.mean_error == pytest.approx(mean_error, abs=5e-4)


@pytest.mark.parametrize("name", IMAGE_MODELS)
def test_larger_batches_take_longer(name: str) -> None:
    """Tests that no shipped profile claims that a batch is faster than one of its requests."""
    profile = load_profile(name)
    for entry in profile.entries:
        if entry.batch > 1:
            assert entry.seconds > profile.step_time(entry.shape, entry.degree, entry.link)


def test_a40_constants_follow_from_the_fits() -> None:
    """Tests the pinned A40 constants against the scaling of other fits that their notes describe."""
    points = read_points(POINTS)
    (a100,) = fit_series(RECIPES["sd3-medium_a100"], points)
    (l20,) = fit_series(RECIPES["flux1-dev_l20"], points)
    nvlink, pcie = fit_series(RECIPES["sd3-medium_a40"], points)
    assert nvlink.constants.tflops == pytest.approx(a100.constants.tflops * 149.7 / 312, rel=0.01)
    assert nvlink.constants.bandwidth == pytest.approx(a100.constants.bandwidth * 112.5 / 600, rel=0.01)
    assert nvlink.constants.overhead == pytest.approx(a100.constants.overhead, rel=0.01)
    assert nvlink.constants.sync == pytest.approx(a100.constants.sync, rel=0.01)
    assert pcie.constants.bandwidth == pytest.approx(l20.constants.bandwidth, rel=0.03)


def test_h800_pins_follow_from_a100() -> None:
    """Tests the pinned H800 constants against the A100 fit that their notes describe."""
    points = read_points(POINTS)
    (a100,) = fit_series(RECIPES["flux1-dev_a100"], points)
    (h800,) = fit_series(RECIPES["qwen-image_h800"], points)
    assert h800.constants.overhead == pytest.approx(a100.constants.overhead * 120 / 57, rel=0.01)
    assert h800.constants.sync == pytest.approx(a100.constants.sync * 120 / 57, rel=0.01)


def test_a40_pairs_are_faster_on_nvlink() -> None:
    """Tests that on A40 a pair runs faster over NVLink than over PCIe, and that four GPUs have PCIe only."""
    profile = load_profile("sd3-medium_a40")
    for shape in profile.shapes:
        assert profile.step_time(shape, 2, "nvlink") < profile.step_time(shape, 2, "pcie")
        assert profile.degrees(shape, "nvlink") == (1, 2)
        assert not profile.has(shape, 4, "nvlink")


def test_unknown_recipe() -> None:
    """Tests that an unknown recipe is refused with the known ones listed."""
    with pytest.raises(ProfileError, match=r"no recipe 'sdxl'; there are flux1-dev_h100"):
        find_recipe("sdxl")
