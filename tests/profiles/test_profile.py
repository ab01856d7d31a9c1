import pickle
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles import LOCAL, Profile, ProfileError, Shape, StageEntry, StepEntry

from .conftest import DATE, LARGE, SMALL, step


def test_lookups(profile: Profile) -> None:
    """Tests every lookup on a profile with two link classes."""
    assert profile.shapes == (SMALL, LARGE)
    assert profile.degrees(LARGE) == (1, 2, 4)
    assert profile.degrees(LARGE, "nvlink") == (1, 2)
    assert profile.degrees(LARGE, "pcie") == (1, 2, 4)
    assert profile.degrees(SMALL, "network") == (1,)
    assert profile.step_time(LARGE, 2, "nvlink") == 0.25
    assert profile.step_time(LARGE, 2, "pcie") == 0.3
    assert profile.entry(LARGE, 4, "pcie").source == "stopwatch"
    assert profile.batches(SMALL, 1, "pcie") == (1, 2)
    assert profile.batches(SMALL, 4, "pcie") == ()
    assert not profile.has(LARGE, 4, "nvlink")
    assert profile.has(SMALL, 1, "nvlink", batch=2)


@pytest.mark.parametrize("link", [LOCAL, "nvlink", "pcie", "anything"])
def test_degree_one_has_no_link(profile: Profile, link: str) -> None:
    """Tests that one GPU takes the same time whatever link its group is said to have."""
    assert profile.step_time(LARGE, 1, link) == 0.4


def test_missing_entries_are_named(profile: Profile) -> None:
    """Tests that a failed lookup names the profile, what is missing, and what there is."""
    with pytest.raises(ProfileError, match=r"toy has no step of 1024x1024 at degree 4 on nvlink.*2 on nvlink"):
        profile.step_time(LARGE, 4, "nvlink")
    with pytest.raises(ProfileError, match=r"512x512 at degree 1 on local.*shapes are 256x512, 1024x1024"):
        profile.entry(Shape(512, 512), 1, LOCAL)
    with pytest.raises(ProfileError, match="toy has no shape 512x512"):
        profile.degrees(Shape(512, 512))


def test_stage_times(profile: Profile) -> None:
    """Tests that an untimed stage is free, but one timed for other shapes only is an error."""
    assert profile.decode_time(LARGE) == 0.5
    assert profile.encode_time(SMALL) == 0.0
    with pytest.raises(ProfileError, match="toy has no decode of 256x512; it has 1024x1024"):
        profile.decode_time(SMALL)


def test_scaled(profile: Profile) -> None:
    """Tests that scaling changes step times only, and says so."""
    slower = profile.scaled(1.5)
    assert slower.step_time(LARGE, 4, "pcie") == pytest.approx(0.3)
    assert slower.decode_time(LARGE) == profile.decode_time(LARGE)
    assert slower.name != profile.name
    assert "1.5" in slower.notes
    with pytest.raises(ProfileError, match=r"factor is 0\.0"):
        profile.scaled(0.0)


def test_round_trip(profile: Profile) -> None:
    """Tests that plain data gives back exactly the same profile, also for times without a short decimal."""
    again = Profile.from_dict(profile.to_dict())
    assert again.to_dict() == profile.to_dict()
    assert again.entries == profile.entries
    assert again.digest == profile.digest


@given(st.floats(min_value=1e-300, max_value=1e300), st.floats(min_value=0, max_value=10))
def test_round_trip_of_floats(seconds: float, spread: float) -> None:
    """Tests that no positive time or spread changes on its way through plain data."""
    entry = StepEntry(LARGE, 1, 1, LOCAL, seconds, spread, "measured", "", DATE)
    profile = Profile("one", "", "", (), 1, (entry,))
    assert Profile.from_dict(profile.to_dict()).entries == (entry,)


def test_digest_tells_contents_apart(profile: Profile) -> None:
    """Tests that the digest changes with any number, while equality and hash go by identity."""
    other = replace(profile, entries=(replace(profile.entries[0], spread=0.002), *profile.entries[1:]))
    assert other.digest != profile.digest
    twin = replace(profile)
    assert twin.digest == profile.digest
    assert twin != profile


def test_pickle(profile: Profile) -> None:
    """Tests that a profile can be sent to another process."""
    again = pickle.loads(pickle.dumps(profile))
    assert again.digest == profile.digest
    assert again.step_time(LARGE, 2, "nvlink") == 0.25


def test_contradictions_are_refused(profile: Profile) -> None:
    """Tests that fields that contradict each other are refused with the index at fault."""
    first, *rest = profile.entries
    with pytest.raises(ProfileError, match=r"entries\[7\] repeats step of 1024x1024 at degree 1 on local"):
        replace(profile, entries=(*profile.entries, first))
    with pytest.raises(ProfileError, match=r"entries\[0\]\.link is 'network'; it must be one of links"):
        replace(profile, entries=(step(LARGE, 2, "network", 1.0), *profile.entries))
    with pytest.raises(ProfileError, match="lacks degree 1, batch 1 of 1024x1024"):
        replace(profile, entries=tuple(rest))
    with pytest.raises(ProfileError, match=r"stages\[1\] repeats decode of 1024x1024"):
        replace(profile, stages=profile.stages * 2)
    written = StageEntry(LARGE, "write", 0.6, "measured", "test", DATE)
    with pytest.raises(ProfileError, match=r"write of 1024x1024 takes 0\.6 s; it is part of decode"):
        replace(profile, stages=(*profile.stages, written))
    with pytest.raises(ProfileError, match="entries is empty"):
        replace(profile, entries=())
    with pytest.raises(ProfileError, match="links holds 'local'"):
        replace(profile, links=(LOCAL, "nvlink", "pcie"))
    with pytest.raises(ProfileError, match="links is nvlink, nvlink"):
        replace(profile, links=("nvlink", "nvlink"))
    with pytest.raises(ProfileError, match="steps is 0"):
        replace(profile, steps=0)
    with pytest.raises(ProfileError, match="name is empty"):
        replace(profile, name="")
