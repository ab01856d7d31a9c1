"""A LoRA is fused into the transformer as diffusers fuses it, or refused by name; peft is needed for the first."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from executor.models import lora
from executor.models.folder import fingerprint
from executor.models.model import Model
from executor.models.random_models.build import build
from executor.models.spec import ModelError, ModelSpec
from tests.executor.distributed.plainly import PIPELINES, admitted, of_plain, plain, travel
from tests.executor.distributed.squad import Squad
from tests.executor.distributed.variants import wan22

needs_peft = pytest.mark.skipif(find_spec("peft") is None, reason="peft is not installed")

FAMILIES = [name for name in PIPELINES if name != "wan 2.2"]


def _tensors(network: nn.Module, prefix: str = "transformer.") -> dict[str, Tensor]:
    """Return a LoRA of rank 3 for every attention."""
    generator = torch.Generator().manual_seed(11)
    found = {}
    for name, module in network.named_modules():
        if isinstance(module, nn.Linear) and "attn" in name:
            found[f"{prefix}{name}.lora_A.weight"] = torch.randn(3, module.in_features, generator=generator) * 0.2
            found[f"{prefix}{name}.lora_B.weight"] = torch.randn(module.out_features, 3, generator=generator) * 0.2
    return found


def _saved(path: Path, tensors: dict[str, Tensor]) -> Path:
    save_file(tensors, path, metadata={"format": "pt"})
    return path


def _pipeline(folder: Path) -> Any:
    pipeline = diffusers.DiffusionPipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@pytest.fixture
def peft_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what is refused before peft is needed be tested without it."""
    monkeypatch.setattr(lora, "find_spec", lambda name: object())


@needs_peft
@pytest.mark.parametrize("name", FAMILIES)
def test_equal_to_diffusers(squad: Squad, name: str, tmp_path: Path) -> None:
    """Tests that a fused LoRA, on groups, gives what diffusers' pipeline gives that loads and fuses it, and another image."""
    case = PIPELINES[name]
    folder = case.build(tmp_path / "model")
    pipeline = _pipeline(folder)
    file = _saved(tmp_path / "style.safetensors", _tensors(pipeline.transformer))
    bare, _ = plain(case, folder)
    pipeline.load_lora_weights(str(tmp_path), weight_name=file.name)
    pipeline.fuse_lora(components=["transformer"], lora_scale=0.7)
    expected, _ = of_plain(pipeline, case)
    spec = ModelSpec(folder, inputs=case.spec(folder).inputs, lora=file, lora_weight=0.7)
    (ticket,) = admitted(Model(spec, "stages"), case.shape)
    travel(squad, spec, [ticket])
    torch.testing.assert_close(ticket.latents.reshape(-1), expected.reshape(-1), atol=1e-5, rtol=0)
    assert (bare - expected).abs().max() > 1e-3


@needs_peft
def test_a_folder_that_was_saved_fused(squad: Squad, tmp_path: Path) -> None:
    """Tests that what users save after fusing is served as it is, and refused if the LoRA was still loaded."""
    case = PIPELINES["sd3"]
    pipeline = _pipeline(case.build(tmp_path / "model"))
    file = _saved(tmp_path / "style.safetensors", _tensors(pipeline.transformer))
    pipeline.load_lora_weights(str(tmp_path), weight_name=file.name)
    pipeline.fuse_lora()
    pipeline.save_pretrained(tmp_path / "loaded")
    with pytest.raises(
        ModelError, match=r"'transformer' .*holds a LoRA beside the weights.*call pipe\.fuse_lora and pipe"
    ):
        ModelSpec(tmp_path / "loaded")
    pipeline.unload_lora_weights()
    pipeline.save_pretrained(tmp_path / "fused")
    spec = case.spec(tmp_path / "fused")
    (ticket,) = admitted(Model(spec, "stages"), case.shape)
    travel(squad, spec, [ticket])
    expected, _ = of_plain(pipeline, case)
    torch.testing.assert_close(ticket.latents.reshape(-1), expected.reshape(-1), atol=1e-5, rtol=0)


@needs_peft
def test_a_lora_of_another_model(tmp_path: Path) -> None:
    """Tests that a LoRA of which a part has no place in the transformer ends the loading with file and numbers."""
    folder = build("sd3", tmp_path / "model")
    tensors = _tensors(_pipeline(folder).transformer)
    further = {
        name.replace("blocks.0", "blocks.9"): value.clone() for name, value in tensors.items() if "blocks.0" in name
    }
    spec = ModelSpec(folder, lora=_saved(tmp_path / "deeper.safetensors", tensors | further))
    Model(spec, "stages")
    with pytest.raises(
        ModelError, match=r"deeper\.safetensors', which cannot be fused: SD3.* has a place for 27 of its 39"
    ):
        Model(spec, "denoise")


def test_weights_saved_with_a_lora_are_refused(tmp_path: Path) -> None:
    """Tests that weights beside which a LoRA was saved, of which diffusers would load none, are refused at the start."""
    folder = build("flux", tmp_path)
    (file,) = (folder / "transformer").glob("*.safetensors")
    _saved(file, {"blocks.0.to_q.base_layer.weight": torch.ones(1), "blocks.0.to_q.lora_A.own.weight": torch.ones(1)})
    with pytest.raises(ModelError, match=r"'transformer' cannot be loaded: .*holds a LoRA beside the weights"):
        ModelSpec(folder)


def test_a_file_beside_the_index(tmp_path: Path) -> None:
    """Tests that a LoRA that lies in the folder is not left out silently."""
    folder = build("flux", tmp_path)
    _saved(folder / lora.BESIDE, {"transformer.a.lora_A.weight": torch.ones(1)})
    with pytest.raises(ModelError, match=r"has no effect unless engine\.lora names it; do so, or move it away"):
        ModelSpec(folder)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ["transformer.a.lora_A.weight", "text_encoder.a.lora_A.weight"],
            r"changes text encoders too.*fuse it beforehand",
        ),
        (["lora_te1_a.lora_down.weight"], r"changes text encoders too"),
        (["transformer.a.lora_A.weight", "transformer.a.dora_scale"], r"it is a DoRA"),
    ],
)
def test_loras_that_would_be_fused_in_part(names: list[str], message: str, tmp_path: Path, peft_or_not: None) -> None:
    """Tests that files of which a part would have no effect are refused by what is in them."""
    file = _saved(tmp_path / "some.safetensors", {name: torch.ones(1) for name in names})
    with pytest.raises(ModelError, match=rf"^engine\.lora is '.*some\.safetensors': .*{message}"):
        ModelSpec(build("flux", tmp_path / "model"), lora=file)


def test_what_is_no_lora(tmp_path: Path, peft_or_not: None) -> None:
    """Tests that missing and broken files, two transformers, and weights of nothing are refused by name."""
    folder = build("flux", tmp_path / "model")
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"nothing")
    for file, message in ((tmp_path / "none.safetensors", "not a file of safe"), (broken, "cannot be read")):
        with pytest.raises(ModelError, match=message):
            ModelSpec(folder, lora=file)
    whole = _saved(tmp_path / "whole.safetensors", {"transformer.a.lora_A.weight": torch.ones(1)})
    with pytest.raises(ModelError, match=r"two transformers, and it does not say which it is for"):
        ModelSpec(wan22(tmp_path / "wan"), lora=whole)
    with pytest.raises(ValueError, match=r"^lora_weight is 0\.5; it is the weight of engine\.lora, which is not given"):
        ModelSpec(folder, lora_weight=0.5)
    with pytest.raises(ValueError, match=r"^lora_weight is nan"):
        ModelSpec(folder, lora=whole, lora_weight=float("nan"))


def test_without_peft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that a LoRA is refused at the start where the library is missing that diffusers reads it with."""
    monkeypatch.setattr(lora, "find_spec", lambda name: None)
    file = _saved(tmp_path / "whole.safetensors", {"transformer.a.lora_A.weight": torch.ones(1)})
    with pytest.raises(
        ModelError, match=r"needs peft for it, which is not installed: pip install peft; or fuse it before"
    ):
        ModelSpec(build("flux", tmp_path / "model"), lora=file)


def test_a_changed_lora_is_seen(tmp_path: Path) -> None:
    """Tests that the fingerprint of a model has the files beside its folder."""
    folder = build("flux", tmp_path / "model")
    file = _saved(tmp_path / "style.safetensors", {"transformer.a.lora_A.weight": torch.ones(1)})
    before = fingerprint(folder, file)
    _saved(file, {"transformer.a.lora_A.weight": torch.ones(2)})
    assert fingerprint(folder, file) != before
