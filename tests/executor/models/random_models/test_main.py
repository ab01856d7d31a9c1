"""The command that builds pipelines with random weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from executor.models.random_models.__main__ import main


def test_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Tests that the command saves a complete pipeline of a few MB, and says so."""
    monkeypatch.setattr("sys.argv", ["random_models", "flux", str(tmp_path / "flux")])
    main()
    assert "flux: 1." in capsys.readouterr().out
    assert (tmp_path / "flux" / "model_index.json").is_file()
    assert list((tmp_path / "flux" / "text_encoder_2").glob("*.safetensors"))


def test_full_says_how_to_load_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Tests that at full width the command tells that there are no weights, and which options draw them."""
    monkeypatch.setattr("sys.argv", ["random_models", "flux", str(tmp_path / "flux"), "--width", "full"])
    main()
    said = capsys.readouterr().out
    assert "--random-weights" in said
    assert "engine.weights=random" in said
