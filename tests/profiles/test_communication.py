"""What groups and collectives cost, as a part of a profile."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from profiles import Profile, ProfileError, load_profile, save_profile
from profiles.__main__ import main
from profiles.communication import CollectiveEntry, Communication, GroupEntry, LinkModel, RegroupEntry, fit

from .conftest import DATE


def _collective(sent: int, seconds: float, degree: int = 2, link: str = "nvlink") -> CollectiveEntry:
    return CollectiveEntry("all_to_all", degree, link, sent, seconds, 0.1, "stopwatch", DATE)


TALK = Communication(
    (_collective(1000, 0.002), _collective(1_000_000, 0.003), _collective(1000, 0.004, degree=4)),
    (GroupEntry(2, "nvlink", 0.5, 0.1, 2**29, "stopwatch", DATE),),
    (RegroupEntry(2, 1, 0.001, 0.2, "stopwatch", DATE),),
)


def test_fit_finds_what_made_the_times() -> None:
    """Tests that times of a latency and a bandwidth give these back, and predict other sizes."""
    truth = LinkModel(2e9, 3e-5)
    entries = [_collective(4**power, truth.seconds(1, 4**power)) for power in range(5, 13)]
    found = fit(entries)
    assert found.bandwidth == pytest.approx(truth.bandwidth)
    assert found.latency == pytest.approx(truth.latency)
    assert found.seconds(10, 5_000_000) == pytest.approx(10 * 3e-5 + 5e6 / 2e9)


def test_fit_stays_possible() -> None:
    """Tests that neither latency nor bandwidth becomes negative, whatever the times are."""
    steep = fit([_collective(1000, 1e-6), _collective(2000, 9e-6)])
    assert steep.latency == 0 and steep.bandwidth > 0
    falling = fit([_collective(1000, 9e-6), _collective(1_000_000, 1e-6)])
    assert falling.latency > 0 and falling.seconds(1, 10**9) == falling.latency
    assert fit([_collective(1000, 1e-3)]).seconds(1, 1000) == pytest.approx(1e-3)
    with pytest.raises(ProfileError, match="no collective was measured"):
        fit([])


def test_model_of_the_nearest_smaller_degree() -> None:
    """Tests that a degree that was not measured is modelled as the largest smaller one, and another link not at all."""
    assert TALK.degrees("nvlink") == (2, 4)
    assert TALK.model("nvlink", 3) == TALK.model("nvlink", 2)
    assert TALK.model("nvlink", 8) == TALK.model("nvlink", 4) != TALK.model("nvlink", 2)
    assert TALK.model("pcie", 8) is None


def test_save_and_load(profile: Profile, tmp_path: Path) -> None:
    """Tests that a profile keeps it through a file, one entry a line, and that one without it has no such key."""
    with_talk = replace(profile, communication=TALK)
    save_profile(with_talk, tmp_path / "with.json")
    assert load_profile(tmp_path / "with.json").communication == TALK
    assert load_profile(tmp_path / "with.json").digest == with_talk.digest != profile.digest
    lines = (tmp_path / "with.json").read_text().splitlines()
    assert sum('"operation"' in line for line in lines) == len(TALK.collectives)
    assert "communication" not in profile.to_dict()


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (
            ("schema",),
            "tetriplan/communication/7",
            r"\.schema is 'tetriplan/communication/7'; this version reads '.*/1'",
        ),
        (
            ("collectives", 0, "operation"),
            "gossip",
            r"\.collectives\[0\]\.operation is 'gossip'; .* all_to_all, all_gather",
        ),
        (("collectives", 1, "sent"), 0, r"\.collectives\[1\]\.sent is 0"),
        (("collectives", 1, "seconds"), -1, r"\.collectives\[1\]\.seconds is -1\.0"),
        (("collectives", 1, "degree"), 1, r"\.collectives\[1\]\.degree is 1"),
        (("collectives", 1, "link"), "local", r"\.collectives\[1\]\.link is 'local'"),
        (("groups", 0, "memory"), -5, r"\.groups\[0\]\.memory is -5"),
        (("groups", 0, "spread"), "wide", r"\.groups\[0\]\.spread is 'wide'; it must be a number"),
        (("regroups", 0, "before"), 0, r"\.regroups\[0\]\.before and after are 0 and 1"),
        (("regroups", 0), {}, r"\.regroups\[0\] lacks the key 'before'"),
    ],
)
def test_errors_say_where(profile: Profile, path: tuple[Any, ...], value: object, message: str) -> None:
    """Tests that every error names the place, the value and what would be right."""
    data: Any = copy.deepcopy(replace(profile, communication=TALK).to_dict())
    place = data["communication"]
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(ProfileError, match=f"^toy.json: communication{message}"):
        Profile.from_dict(data, origin="toy.json")


def test_impossible_link_models() -> None:
    """Tests that a link model without bandwidth or with a negative latency is refused."""
    with pytest.raises(ProfileError, match="bandwidth is 0"):
        LinkModel(0, 1e-6)
    with pytest.raises(ProfileError, match="latency is -1"):
        LinkModel(1e9, -1)


def test_is_shown(profile: Profile, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Tests that ``profiles show`` has a line for each group and each change of group."""
    save_profile(replace(profile, stages=(), communication=TALK), tmp_path / "with.json")
    assert main(["show", str(tmp_path / "with.json")]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "group of 2 on nvlink: made in 500 ms, 512 MiB a member; a collective" in said
    assert "from 2 to 1 GPUs: 1 ms" in said
