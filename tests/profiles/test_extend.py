"""Shapes outside a profile: what they cost, and how that is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles import ProfileError, Shape, extended, load_profile
from profiles.extend import interpolate, work_of

FLUX = load_profile("flux1-dev_h100")
VIDEO = load_profile("hunyuanvideo_l20")


def test_known_shapes_leave_a_profile_as_it_is() -> None:
    """The very same object comes back, without a note."""
    extension = extended(FLUX, FLUX.shapes)
    assert extension.profile is FLUX
    assert extension.note == ""


def test_a_new_shape_has_all_degrees_and_stages_as_extrapolated() -> None:
    """Every degree, link and batch of the profile, and encoding and decoding; old entries stay."""
    shape = Shape(768, 1344)
    profile = extended(FLUX, [shape]).profile
    added = [entry for entry in profile.entries if entry.shape == shape]
    assert profile.entries[: len(FLUX.entries)] == FLUX.entries
    assert profile.degrees(shape) == (1, 2, 4, 8)
    assert {entry.batch for entry in added} == {entry.batch for entry in FLUX.entries}
    assert {entry.provenance for entry in added} == {"extrapolated"}
    assert FLUX.decode_time(Shape(768, 768)) < profile.decode_time(shape) < FLUX.decode_time(Shape(1024, 1024))


@given(st.integers(8, 300), st.integers(8, 300), st.sampled_from([1, 2, 4, 8]))
def test_times_grow_with_the_work(rows: int, columns: int, degree: int) -> None:
    """A shape with more work than a known one is not faster, and with less not slower, but for slow small collectives."""
    shape = Shape(16 * rows, 16 * columns)
    profile, work = extended(FLUX, [shape]).profile, work_of(FLUX)
    seconds = profile.step_time(shape, degree, "nvlink")
    for known in FLUX.shapes:
        if work(known) <= work(shape):
            assert seconds >= FLUX.step_time(known, degree, "nvlink") * (1 - 1e-5)
        else:
            assert seconds <= FLUX.step_time(known, degree, "nvlink") * (1 + 1e-5)


def test_a_transpose_costs_the_same() -> None:
    """The upright video costs what the lying one costs, and says so."""
    shape = Shape(1280, 720, 129)
    extension = extended(VIDEO, [shape])
    for degree in VIDEO.degrees(Shape(720, 1280, 129)):
        link = VIDEO.links[0]
        if VIDEO.has(Shape(720, 1280, 129), degree, link):
            expected = VIDEO.step_time(Shape(720, 1280, 129), degree, link)
            assert extension.profile.step_time(shape, degree, link) == expected
    assert "as 720x1280x129, its transpose" in extension.note


def test_the_nearest_shape_may_stand_for_it() -> None:
    """With nearest, times are those of the known shape with the nearest work."""
    profile = extended(FLUX, [Shape(1000, 1000)], "nearest").profile
    assert profile.step_time(Shape(1000, 1000), 2, "nvlink") == FLUX.step_time(Shape(1024, 1024), 2, "nvlink")


def test_exact_adds_nothing_and_other_words_are_refused() -> None:
    """A wrong word names the nearest right one."""
    assert extended(FLUX, [Shape(1000, 1000)], "exact").profile is FLUX
    with pytest.raises(ProfileError, match=r"shapes is 'nearst'; use .*did you mean nearest\?"):
        extended(FLUX, [Shape(1000, 1000)], "nearst")


def test_images_are_not_made_of_videos() -> None:
    """Nor videos of images; the error lists what there is."""
    with pytest.raises(ProfileError, match=r"holds only videos \(960x544x65"):
        extended(VIDEO, [Shape(1024, 1024)])
    with pytest.raises(ProfileError, match="holds only images"):
        extended(FLUX, [Shape(512, 512, 33)])


@pytest.mark.parametrize(("at", "seconds"), [(1.0, 2.0), (2.0, 3.0), (3.0, 5.0), (4.0, 7.0), (0.5, 1.5), (0.1, 1.1)])
def test_lines_between_and_beyond(at: float, seconds: float) -> None:
    """Through the points, on along the last line and the first."""
    assert interpolate([(1.0, 2.0), (2.0, 3.0), (3.0, 5.0)], at) == pytest.approx(seconds)


def test_below_the_first_point_time_is_at_least_in_proportion() -> None:
    """A line that would fall below 0 does not."""
    assert interpolate([(1.0, 1.0), (2.0, 3.0)], 0.25) == 0.25
    assert interpolate([(2.0, 1.0)], 1.0) == 1.0
    assert interpolate([(2.0, 1.0)], 4.0) == 2.0
