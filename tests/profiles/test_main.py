from pathlib import Path

import pytest

from profiles import Profile, list_profiles, load_profile, save_profile
from profiles.__main__ import main
from profiles.recipes import POINTS


def test_list_names_every_profile(capsys: pytest.CaptureFixture[str]) -> None:
    """Tests that the list names every shipped profile and explains its marks."""
    assert main(["list"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in list_profiles())
    assert "extrapolated" in text


def test_show(capsys: pytest.CaptureFixture[str]) -> None:
    """Tests that step times stand there in milliseconds with their mark, and efficiency in percent."""
    assert main(["show", "flux1-dev_h100"]) == 0
    text = capsys.readouterr().out
    assert "79.98 ●" in text
    assert "47.64 ·" in text
    assert "81% ●" in text


def test_show_tells_links_apart(profile: Profile, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Tests that a profile with two links has a column for each, and blanks where nothing is known."""
    save_profile(profile, tmp_path / "toy.json")
    profile = load_profile(tmp_path / "toy.json")
    from profiles.render import columns

    assert columns(profile) == ((1, "local"), (2, "nvlink"), (2, "pcie"), (4, "pcie"))


def test_plot_writes_an_image(tmp_path: Path) -> None:
    """Tests that a plot is a PNG file, also with two links and for another batch."""
    for name, batch in (("sd3-medium_a40", "1"), ("flux1-dev_h100", "4")):
        path = tmp_path / f"{name}.png"
        assert main(["plot", name, "--output", str(path), "--batch", batch]) == 0
        assert path.read_bytes().startswith(b"\x89PNG")


def test_unknown_batch(capsys: pytest.CaptureFixture[str]) -> None:
    """Tests that a batch that the profile lacks is an error with those it has."""
    assert main(["show", "flux1-dev_h100", "--batch", "3"]) == 2
    assert "has no batch 3; it has 1, 2, 4" in capsys.readouterr().err


def test_check(profile: Profile, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Tests that a good file is summed up, and that a bad one gives status 1 and the reason."""
    path = tmp_path / "toy.json"
    save_profile(profile, path)
    assert main(["check", str(path)]) == 0
    assert "7 step times (7 measured) of 256x512, 1024x1024; 1 stage times" in capsys.readouterr().out
    path.write_text(path.read_text().replace("0.25", "-0.25"))
    assert main(["check", str(path)]) == 2
    assert "toy.json: entries[2].seconds is -0.25" in capsys.readouterr().err


def test_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Tests that fitting prints constants with their error and writes a valid profile."""
    path = tmp_path / "flux_a100.json"
    wishes = ["--model", "FLUX.1-dev", "--gpu", "A100", "--source", "figure", "--output", str(path)]
    more = ["--shapes", "1024x1024", "1536", "--degrees", "1", "8", "--pin", "sync=0.0376"]
    assert main(["fit", str(POINTS), *wishes, *more]) == 0
    text = capsys.readouterr().out
    assert "37.6 *" in text
    assert "1.9%" in text
    profile = load_profile(path)
    assert [shape.label for shape in profile.shapes] == ["1024x1024", "1536x1536"]
    assert profile.entry(profile.shapes[1], 8, "nvlink").provenance == "fitted"


def test_fit_of_contradictions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Tests that contradicting points end with status 1, both lines, and no file."""
    path = tmp_path / "x.json"
    assert main(["fit", str(POINTS), "--model", "FLUX.1-dev", "--gpu", "H100", "--output", str(path)]) == 2
    assert "lines 2 and 4 both give" in capsys.readouterr().err
    assert not path.exists()


def test_bad_shape_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    """Tests that a shape of another form is refused with an example of the right one."""
    assert main(["fit", "x.csv", "--model", "x", "--gpu", "x", "--output", "x.json", "--shapes", "wide"]) == 2
    assert "'wide' is not HEIGHTxWIDTH" in capsys.readouterr().err


def test_missing_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Tests that a missing file ends with status 2 and its name, not with a traceback."""
    assert main(["check", str(tmp_path / "none.json")]) == 2
    assert "none.json" in capsys.readouterr().err
    assert main(["fit", "none.csv", "--model", "x", "--gpu", "x", "--output", "x.json"]) == 2
    assert "none.csv" in capsys.readouterr().err
