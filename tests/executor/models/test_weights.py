"""What weights take, by the heads of their files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from executor.models.weights import Weights, weights_of


def _part(folder: Path, name: str, **tensors: torch.Tensor) -> None:
    (folder / name).mkdir(exist_ok=True)
    save_file(tensors, folder / name / "model.safetensors", metadata={"format": "pt"})


def test_what_is_as_it_lies_and_what_is_made(tmp_path: Path) -> None:
    """Tests that weights of the type that is asked for are mapped, others made of it, and whole numbers left alone."""
    _part(tmp_path, "vae", a=torch.zeros(3, 5), b=torch.zeros(7, dtype=torch.bfloat16), c=torch.zeros(2).long())
    assert weights_of(tmp_path, ["vae"], "float32") == Weights(15 * 4 + 2 * 8, 7 * 4)
    assert weights_of(tmp_path, ["vae"], "bfloat16") == Weights(7 * 2 + 2 * 8, 15 * 2)
    assert weights_of(tmp_path, ["vae"], "float16") == Weights(2 * 8, 22 * 2)


def test_shards_and_variants(tmp_path: Path) -> None:
    """Tests that the shards of an index count, and variants beside the file that is loaded do not."""
    _part(tmp_path, "transformer", a=torch.zeros(8))
    part = tmp_path / "transformer"
    (part / "model.safetensors").rename(part / "one.safetensors")
    save_file({"b": torch.zeros(4)}, part / "two.safetensors")
    index = {"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}
    (part / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))
    _part(tmp_path, "vae", a=torch.zeros(8))
    save_file({"a": torch.zeros(8)}, tmp_path / "vae" / "model.fp16.safetensors")
    assert weights_of(tmp_path, ["transformer"], "float32") == Weights(48, 0)
    assert weights_of(tmp_path, ["vae"], "float32") == Weights(32, 0)


@pytest.mark.parametrize("words", [b"", b"broken", b"\x04\0\0\0\0\0\0\0[1]"])
def test_broken_files_take_nothing(words: bytes, tmp_path: Path) -> None:
    """Tests that files that cannot be read, and parts without weights, count as nothing: loading will name them."""
    (tmp_path / "vae").mkdir()
    (tmp_path / "vae" / "model.safetensors").write_bytes(words)
    assert weights_of(tmp_path, ["vae", "scheduler"], "float32") == Weights(0, 0)
