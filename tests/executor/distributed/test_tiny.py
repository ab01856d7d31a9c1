"""The command that builds tiny pipelines."""

from __future__ import annotations

from pathlib import Path

import pytest

from executor.distributed import tiny


def test_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Tests that the command saves a complete pipeline of a few MB, and says so."""
    monkeypatch.setattr("sys.argv", ["tiny", "flux", str(tmp_path / "flux")])
    tiny.main()
    assert "flux: 1." in capsys.readouterr().out
    assert (tmp_path / "flux" / "model_index.json").is_file()
    assert list((tmp_path / "flux" / "text_encoder_2").glob("*.safetensors"))


def test_same_seed_same_weights(tmp_path: Path) -> None:
    """Tests that a seed decides all weights, and another one gives others."""
    files = [
        tiny.build_tiny("flux", tmp_path / name, seed) / "transformer" / "diffusion_pytorch_model.safetensors"
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    first, second, other = (file.read_bytes() for file in files)
    assert first == second != other


def test_unknown_model(tmp_path: Path) -> None:
    """Tests that an unknown name is refused with those that there are."""
    with pytest.raises(ValueError, match="there is no tiny 'dit'; there are flux, sd3, qwen, wan"):
        tiny.build_tiny("dit", tmp_path)


@pytest.mark.parametrize("width", list(tiny.WIDTHS.values()), ids=list(tiny.WIDTHS))
def test_axes_fill_a_head(width: tiny.Width) -> None:
    """Tests that the axes of the rotary embedding are even and add up to a head."""
    assert sum(width.axes) == width.size
    assert all(axis % 2 == 0 for axis in width.axes)


def test_unknown_width(tmp_path: Path) -> None:
    """Tests that an unknown width is refused with those that there are."""
    with pytest.raises(ValueError, match="there is no width 'huge'; there are tiny, small"):
        tiny.build_tiny("flux", tmp_path, width="huge")
