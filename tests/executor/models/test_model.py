"""Whole pipelines, cut into admission, steps and decoding."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from diffusers.hooks.group_offloading import _get_group_onload_device

from executor.models.model import Model
from executor.models.random_models import FAMILIES
from executor.models.random_models.build import build
from executor.models.spec import TEXT_ENCODERS, Ask, ModelError, ModelSpec
from executor.models.ticket import Ticket
from planner.request import Request
from profiles.shape import Shape

CPU = torch.device("cpu")
INPUTS = {name: {} if name == "qwen" else {"max_sequence_length": 32} for name in FAMILIES}


@dataclass(frozen=True)
class Served:
    """A model split by role, and the same model as diffusers runs it."""

    spec: ModelSpec
    stages: Model
    denoiser: Model
    shape: Shape

    def admit(self, seed: int, steps: int = 4, prompt: str = "a cat") -> Ticket:
        """Admit a request whose id is its seed."""
        return self.stages.admit(Ask(Request(seed, self.shape, steps, 0.0, 1.0), prompt, seed))


@pytest.fixture(scope="module", params=FAMILIES)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Served:
    """Each tiny pipeline."""
    folder = build(request.param, tmp_path_factory.mktemp("models") / request.param)
    spec = ModelSpec(folder, inputs=INPUTS[request.param])
    shape = Shape(32, 48, 5) if request.param == "wan" else Shape(64, 96)
    return Served(spec, Model(spec, "stages"), Model(spec, "denoise"), shape)


def _plain(served: Served, seed: int, output: str) -> Any:
    pipeline = diffusers.DiffusionPipeline.from_pretrained(served.spec.folder)
    pipeline.set_progress_bar_config(disable=True)
    name, extra = type(pipeline).__name__, dict(served.spec.inputs)
    if name.startswith("Wan"):
        extra["num_frames"] = served.shape.frames
    if name.startswith("QwenImage"):
        extra["negative_prompt"] = " "
    result = pipeline(
        "a cat",
        height=served.shape.height,
        width=served.shape.width,
        num_inference_steps=4,
        generator=torch.Generator().manual_seed(seed),
        output_type=output,
        **extra,
    )
    return (result.frames if hasattr(result, "frames") else result.images)[0]


def test_step_by_step_equals_the_pipeline(served: Served) -> None:
    """Tests that steps, with the state packed and restored after each, give the pipeline's own latents."""
    ticket = served.admit(3)
    for _ in range(4):
        served.denoiser.step([ticket])
        ticket = Ticket.restore(ticket.fixed(), ticket.moving(), CPU)
    expected = _plain(served, 3, "latent")
    if served.spec.folder.name == "sd3":  # the pipeline runs both halves of the guidance as one batch
        torch.testing.assert_close(ticket.latents.view(-1), expected.view(-1), atol=5e-6, rtol=0)
    else:
        assert torch.equal(ticket.latents.view(-1), expected.view(-1))


def test_decoded_frames_equal_the_pipeline(served: Served) -> None:
    """Tests that frames are those of the pipeline, to one grey level."""
    ticket = served.admit(3)
    for _ in range(4):
        served.denoiser.step([ticket])
    frames = [np.asarray(frame, dtype=int) for frame in served.stages.decode(ticket)]
    expected = _plain(served, 3, "pil")
    expected = [np.asarray(frame, dtype=int) for frame in (expected if isinstance(expected, list) else [expected])]
    assert len(frames) == len(expected) == served.shape.frames
    assert max(np.abs(a - b).max() for a, b in zip(frames, expected, strict=True)) <= 1


def test_batches(served: Served) -> None:
    """Tests that requests at different steps, in one batch for a while, end as each does alone."""
    together = [served.admit(3, prompt="a cat"), served.admit(4, prompt="a dog")]
    alone = [Ticket.restore(ticket.fixed(), ticket.moving(), CPU) for ticket in together]
    served.denoiser.step(together[:1])
    for _ in range(3):
        served.denoiser.step(together)
    served.denoiser.step(together[1:])
    for ticket in alone:
        for _ in range(4):
            served.denoiser.step([ticket])
    for one, other in zip(together, alone, strict=True):
        torch.testing.assert_close(one.latents, other.latents, atol=1e-5, rtol=0)


def test_prompts_of_other_length(served: Served) -> None:
    """Tests that requests that cannot share a batch are still stepped, to the bit as each alone."""
    together = [served.admit(3, prompt="a cat"), served.admit(4, prompt="a very much longer prompt")]
    alone = [Ticket.restore(ticket.fixed(), ticket.moving(), CPU) for ticket in together]
    served.denoiser.step(together)
    for ticket in alone:
        served.denoiser.step([ticket])
    for one, other in zip(together, alone, strict=True):
        torch.testing.assert_close(one.latents, other.latents, atol=1e-5, rtol=0)


def test_seeds_and_prompts_matter(served: Served) -> None:
    """Tests that a request's own seed and prompt are used."""
    tickets = [served.admit(3), served.admit(4), served.admit(3, prompt="a dog"), served.admit(3)]
    for ticket in tickets:
        served.denoiser.step([ticket])
    first, other_seed, other_prompt, same = (ticket.latents for ticket in tickets)
    assert torch.equal(first, same)
    assert not torch.equal(first, other_seed)
    assert not torch.equal(first, other_prompt)


def test_multistep_history_travels(tmp_path: Path) -> None:
    """Tests that dropping a multistep scheduler's past predictions is seen: they must be in the state."""
    spec = ModelSpec(build("wan", tmp_path), inputs=INPUTS["wan"])
    model = Model(spec)
    ask = Ask(Request(0, Shape(32, 48, 5), 4, 0.0, 1.0), "a cat", 3)
    kept, dropped = model.admit(ask), model.admit(ask)
    for _ in range(4):
        model.step([kept])
        model.step([dropped])
        dropped.scheduler.model_outputs = [None] * len(dropped.scheduler.model_outputs)
        dropped.scheduler.last_sample = None
        dropped.scheduler.lower_order_nums = 0
    assert (kept.latents - dropped.latents).abs().max() > 1e-3


def test_random_weights(tmp_path: Path) -> None:
    """Tests that a folder of configurations alone makes the same random transformer in every process."""
    folder = build("flux", tmp_path)
    for file in folder.glob("transformer/*.safetensors"):
        file.unlink()
    models = [Model(ModelSpec(folder, "bfloat16", weights="random"), "denoise") for _ in range(2)]
    first, second = (model.transformers[0].state_dict() for model in models)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert {value.dtype for value in first.values()} == {torch.bfloat16}


def test_stages_hold_no_transformer(tmp_path: Path) -> None:
    """Tests that the process that encodes and decodes has no memory for the transformer."""
    model = Model(ModelSpec(build("flux", tmp_path)), "stages")
    assert all(parameter.is_meta for parameter in model.transformers[0].parameters())


@pytest.mark.parametrize("damage", ["missing", "corrupt"])
def test_broken_folders_are_named(tmp_path: Path, damage: str) -> None:
    """Tests that a missing or corrupt file is reported with the folder and the part."""
    folder = build("flux", tmp_path)
    for file in folder.glob("transformer/*.safetensors"):
        file.write_bytes(b"no weights") if damage == "corrupt" else file.unlink()
    with pytest.raises(ModelError, match=rf"{folder.name}.*'transformer' cannot be loaded"):
        Model(ModelSpec(folder), "denoise")


def test_wrong_specifications(tmp_path: Path) -> None:
    """Tests that a folder without a model, wrong fields and unknown inputs are refused by name."""
    with pytest.raises(ModelError, match=r"has no model_index\.json"):
        ModelSpec(tmp_path)
    folder = build("flux", tmp_path / "flux")
    with pytest.raises(ValueError, match=r"^dtype is 'half'"):
        ModelSpec(folder, dtype="half")  # type: ignore[arg-type]
    with pytest.raises(ModelError, match=r"engine\.inputs has \['max_length'\]"):
        Model(ModelSpec(folder, inputs={"max_length": 3}), "stages")


def test_text_encoders_may_rest_in_host_memory(served: Served) -> None:
    """Tests that what is made of a text does not depend on where its encoders rest, and that they alone do."""
    resting = replace(served, stages=Model(replace(served.spec, offload=True), "stages"))
    one, other = served.admit(3), resting.admit(3)
    tensors = {name: value for name, value in one.values.items() if isinstance(value, torch.Tensor)}
    assert any("embeds" in name for name in tensors)
    assert all(torch.equal(value, other.values[name]) for name, value in tensors.items())
    parts = resting.stages._pipeline.components
    encoders = [parts[name] for name in TEXT_ENCODERS if parts.get(name) is not None]
    assert encoders and all(_get_group_onload_device(encoder) == CPU for encoder in encoders)
    with pytest.raises(ValueError, match="Group offloading is not enabled"):
        _get_group_onload_device(parts["vae"])


def test_no_text_without_a_package(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that a text can be read before a request comes, and that what every text lacks is named then."""
    served.stages.read("a cat")
    if served.shape.frames > 1:
        monkeypatch.delattr("diffusers.modular_pipelines.wan.encoders.ftfy")
        with pytest.raises(ModelError, match=r"no text can be encoded: NameError: .* is the package ftfy missing\?"):
            served.stages.read("a cat")
