"""Building and saving of pipelines with random weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from executor.models.random_models import FAMILIES
from executor.models.random_models.build import build
from executor.models.spec import ModelSpec


def test_same_seed_same_weights(tmp_path: Path) -> None:
    """Tests that a seed decides all weights, and another one gives others."""
    files = [
        build("flux", tmp_path / name, seed) / "transformer" / "diffusion_pytorch_model.safetensors"
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    first, second, other = (file.read_bytes() for file in files)
    assert first == second != other


@pytest.mark.parametrize("family", FAMILIES)
def test_full_folders_have_no_weights(family: str, tmp_path: Path) -> None:
    """Tests that at full width a folder that can be read as a model's is saved, in less than a MB."""
    folder = build(family, tmp_path / family, width="full")
    assert ModelSpec(folder, weights="random").folder == folder
    assert sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) < 1e6


def test_unknown_model(tmp_path: Path) -> None:
    """Tests that an unknown name is refused with those that there are."""
    with pytest.raises(ValueError, match="there is no model 'dit'; there are flux, sd3, qwen, wan"):
        build("dit", tmp_path)


def test_unknown_width(tmp_path: Path) -> None:
    """Tests that an unknown width is refused with those that there are."""
    with pytest.raises(ValueError, match="there is no width 'huge'; there are tiny, small, full"):
        build("flux", tmp_path, width="huge")
