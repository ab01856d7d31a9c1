"""Two profiles side by side."""

from __future__ import annotations

from pathlib import Path

import pytest

from profiles import ProfileError, Shape, load_profile
from profiles.__main__ import main
from profiles.compare import pairs


def test_what_both_know() -> None:
    """Tests that pairs are of equal shape and degree, with the times that each profile says."""
    first, second = load_profile("flux1-dev_h200_graphs"), load_profile("flux1-dev_l20")
    found = list(pairs(first, second))
    assert {pair.shape for pair in found} == set(first.shapes) & set(second.shapes)
    for pair in found:
        assert pair.seconds in {e.seconds for e in first.entries if (e.shape, e.degree) == (pair.shape, pair.degree)}
        assert pair.other in {e.seconds for e in second.entries if (e.shape, e.degree) == (pair.shape, pair.degree)}
        assert pair.ratio == pair.seconds / pair.other


def test_nothing_in_common() -> None:
    """Tests that profiles without a common shape are refused by name."""
    with pytest.raises(ProfileError, match="hunyuanvideo_l20 have no shape in common"):
        list(pairs(load_profile("flux1-dev_h100"), load_profile("hunyuanvideo_l20")))


def test_measured_steps_scale_as_the_model_says() -> None:
    """Tests the claim of docs/profiles.md: the model for H100 has the shape of what was timed on an H200."""
    found = list(pairs(load_profile("flux1-dev_h200_graphs"), load_profile("flux1-dev_h100")))
    assert len(found) == 24
    assert all(1.1 < pair.ratio < 1.45 for pair in found)
    by_work = {(pair.shape, pair.degree): pair.ratio for pair in found}
    assert by_work[Shape(2048, 2048), 8] == min(by_work.values())


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Tests that the command shows and writes the pairs, and replaces no file without being told to."""
    path = tmp_path / "pairs.csv"
    words = ["compare", "flux1-dev_h200_graphs", "flux1-dev_h100", "--output", str(path)]
    assert main(words) == 0
    assert "1024x1024" in capsys.readouterr().out
    assert path.read_text().startswith("step,flux1-dev_h200_graphs,flux1-dev_h100,ratio\n")
    assert main(words) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert main([*words, "--overwrite"]) == 0
