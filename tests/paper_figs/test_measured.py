"""Measured data: which profiles count, scaling from them, and what the executor adds to a step."""

from __future__ import annotations

from pathlib import Path

import pytest

from paper_figs.figures import fig02, fig03
from paper_figs.measured import hand_over, measured_profiles, scaling, weaker
from paper_figs.style import styled
from paper_figs.table import Table
from profiles import Profile, Shape, StepEntry, load_profile, save_profile


def timed(name: str = "small_2xcpu") -> Profile:
    """Return a profile of two workers: 256 pixels, 100 ms on one and 62.5 ms on both."""
    entries = tuple(
        StepEntry(Shape(256, 256), degree, 1, link, seconds, 0.01, "measured", "this test", "2026-01-01")
        for degree, link, seconds in ((1, "local", 0.1), (2, "shared", 0.0625))
    )
    return Profile(name, "small", "two cores", ("shared",), 10, entries)


def test_profile_of_the_fidelity_run_counts_once_it_is_there(tmp_path: Path) -> None:
    """A file that is not there adds nothing; a profile with steps timed on two workers is added."""
    before = [profile.name for profile in measured_profiles(tmp_path / "profile.json")]
    save_profile(timed(), tmp_path / "profile.json")
    assert [profile.name for profile in measured_profiles(tmp_path / "profile.json")] == [*before, "small_2xcpu"]


def test_of_one_model_on_one_kind_of_hardware_the_fastest_is_shown(tmp_path: Path) -> None:
    """FLUX.1-dev was timed on an H200 as eager and as compiled kernels; the figures show the compiled ones."""
    names = [profile.name for profile in measured_profiles(tmp_path / "none.json")]
    assert "flux1-dev_h200_compiled_graphs" in names
    assert "flux1-dev_h200_graphs" not in names


def test_scaling_is_the_share_of_the_workers_that_is_used() -> None:
    """0.1 s on one against 0.0625 s on two is an efficiency of 0.8."""
    assert [(degree, round(value, 6), known) for _, degree, value, known in scaling(timed())] == [
        (1, 1.0, "measured"),
        (2, 0.8, "measured"),
    ]
    assert scaling(timed(), batch=4) == []


def test_a_ratio_is_known_as_well_as_its_weaker_part() -> None:
    """On H100 the published step on two GPUs over the published one is published, over an extrapolated one is not."""
    assert weaker("published", "extrapolated") == weaker("extrapolated", "published") == "extrapolated"
    known = {(s.width, d): known for s, d, _, known in scaling(load_profile("flux1-dev_h100"))}
    assert known[1024, 2] == "published"
    assert known[2048, 2] == "extrapolated"


def test_measured_profiles_get_panels_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures 2 and 3 draw a measured profile beside the published ones, and say so."""
    for figure, axes_before in ((fig02, 1), (fig03, 4)):
        monkeypatch.setattr(figure, "measured_profiles", lambda: [timed()])
        table = figure.data(None)  # type: ignore[arg-type]
        assert "small_2xcpu" in table.names("profile")
        with styled():
            drawn = figure.draw(table)
        assert len(drawn.get_axes()) > axes_before
        assert any("small, 2xcpu" in axes.get_title(loc="left") for axes in drawn.get_axes())
        assert "measured" in [text.get_text() for text in drawn.legends[0].get_texts()]
        assert "small_2xcpu" in figure.describe(table)


def test_hand_over_is_read_from_the_table(tmp_path: Path) -> None:
    """The three numbers stand in the table that `make tables-executor` writes; without it there are none."""
    assert hand_over(tmp_path / "none.md") is None
    same, other, step = hand_over() or (0.0, 0.0, 0.0)
    assert 0 < same < step and 0 < other < step
    (tmp_path / "t.md").write_text("| nothing |\n")
    with pytest.raises(ValueError, match="make tables-executor"):
        hand_over(tmp_path / "t.md")


def test_provenance_can_be_drawn() -> None:
    """Every provenance that a profile may have has a mark, and no two of them look alike."""
    from paper_figs.style import KNOWN, PROVENANCE_MARKS
    from profiles.entries import PROVENANCES

    assert set(PROVENANCES) <= set(PROVENANCE_MARKS)
    looks = [(PROVENANCE_MARKS[name], name in (*KNOWN, "extrapolated")) for name in PROVENANCES]
    assert len(set(looks)) == len(looks)
    assert Table.of([{"provenance": name} for name in PROVENANCES]).names("provenance") == list(PROVENANCES)
