"""Folders that are not whole, or not of a kind that is served, are refused from their index alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from executor.models.folder import fingerprint
from executor.models.model import Model
from executor.models.random_models.build import build
from executor.models.shapes import check_shape
from executor.models.spec import ModelError, ModelSpec
from executor.sequence import PLANS
from profiles.shape import Shape
from tests.executor.distributed.variants import edit, wan22


@pytest.fixture(scope="module")
def flux(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a tiny FLUX."""
    return build("flux", tmp_path_factory.mktemp("whole") / "flux")


@pytest.fixture
def copy(flux: Path, tmp_path: Path) -> Path:
    """Copy it, to be damaged."""
    shutil.copytree(flux, tmp_path / "flux")
    return tmp_path / "flux"


def _shards(folder: Path) -> None:
    weights = next((folder / "transformer").glob("*.safetensors"))
    index = {"weight_map": {"a": "part-1.safetensors", "b": "part-2.safetensors"}}
    weights.rename(weights.parent / "part-1.safetensors")
    (weights.parent / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no vae": (lambda f: shutil.rmtree(f / "vae"), r"'vae' cannot be loaded: the folder vae/ is missing"),
    "no tokenizer": (lambda f: shutil.rmtree(f / "tokenizer_2"), r"'tokenizer_2' .*folder tokenizer_2/ is missing"),
    "no text": (lambda f: shutil.rmtree(f / "text_encoder"), r"'text_encoder' .*folder text_encoder/ is missing"),
    "no transformer": (lambda f: shutil.rmtree(f / "transformer"), r"'transformer' .*folder transformer/ is missing"),
    "null": (lambda f: edit(f / "model_index.json", vae=[None, None]), r"'vae' is null in model_index\.json; only"),
    "config": (
        lambda f: (f / "transformer" / "config.json").write_text("{"),
        r"'transformer' cannot be loaded: transformer/config\.json is broken",
    ),
    "no config": (lambda f: (f / "vae" / "config.json").unlink(), r"'vae' .*vae/config\.json is missing"),
    "no weights": (
        lambda f: next((f / "vae").glob("*.safetensors")).unlink(),
        r"'vae' .*there are no weights in vae/; its configuration suffices for random weights",
    ),
    "shard": (_shards, r"'transformer' .*transformer/part-2\.safetensors is missing, which diffusion_pytorch_model"),
    "scheduler": (
        lambda f: (f / "scheduler" / "scheduler_config.json").unlink(),
        r"'scheduler' .*scheduler/scheduler_config\.json is missing",
    ),
    "index": (lambda f: (f / "model_index.json").write_text("[]"), r"model_index\.json cannot be read: TypeError"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damages_are_named(copy: Path, damage: str) -> None:
    """Tests that each part that is missing or broken is named with its file, before anything is loaded."""
    act, message = DAMAGES[damage]
    act(copy)
    with pytest.raises(ModelError, match=message):
        ModelSpec(copy)


def test_random_weights_need_no_weights(copy: Path) -> None:
    """Tests that a folder of configurations is whole where weights are random."""
    for file in copy.rglob("*.safetensors"):
        file.unlink()
    ModelSpec(copy, weights="random")


@pytest.mark.parametrize(
    "pipeline",
    [
        "FluxImg2ImgPipeline",
        "FluxKontextPipeline",
        "FluxFillPipeline",
        "FluxControlNetPipeline",
        "QwenImageEditPipeline",
    ],
)
def test_other_tasks_are_refused(copy: Path, pipeline: str) -> None:
    """Tests that an index of a pipeline that wants an image is not served as text to image."""
    edit(copy / "model_index.json", _class_name=pipeline)
    with pytest.raises(ModelError, match=rf"model_index\.json says {pipeline}, which is not served: .*FluxPipeline"):
        ModelSpec(copy)


def test_expanded_timesteps_are_refused(tmp_path: Path) -> None:
    """Tests that Wan 2.2 of 5 billion parameters, whose autoencoder and timesteps differ, is refused by name."""
    folder = build("wan", tmp_path)
    edit(folder / "model_index.json", expand_timesteps=True)
    with pytest.raises(ModelError, match=r"expand_timesteps.* is not served"):
        ModelSpec(folder)


def test_parts_that_no_index_lists(tmp_path: Path) -> None:
    """Tests that a part that every request needs, and the index does not list, ends the loading with its name."""
    folder = build("sd3", tmp_path)
    index = json.loads((folder / "model_index.json").read_text())
    del index["text_encoder_3"]
    (folder / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(ModelError, match=r"model_index\.json does not list text_encoder_3, which every request needs"):
        Model(ModelSpec(folder), "stages")


@pytest.mark.parametrize("name", ["num_inference_steps", "height", "num_frames", "generator", "latents", "prompt"])
def test_inputs_of_a_request(flux: Path, name: str) -> None:
    """Tests that inputs that follow from a request cannot be given for all of them."""
    with pytest.raises(ValueError, match=rf"^inputs\.{name} is 8; each request says its own; leave it out"):
        ModelSpec(flux, inputs={name: 8})


def test_scales_of_guidance(flux: Path, tmp_path: Path) -> None:
    """Tests that a scale that is none, or that no transformer would guide by, is refused."""
    with pytest.raises(ValueError, match=r"^guidance is nan; a finite number is needed"):
        ModelSpec(flux, guidance=float("nan"))
    with pytest.raises(
        ValueError, match=r"^guidance_2 is 3\.0; it is for the second of two transformers; this model has one"
    ):
        ModelSpec(flux, guidance_2=3.0)
    two = wan22(tmp_path)
    ModelSpec(two, guidance=4.0, guidance_2=3.0)
    ModelSpec(two, guidance_2=3.0)
    with pytest.raises(ValueError, match=r"^guidance_2 is 3\.0; without guidance \(guidance is 1\) there is none"):
        ModelSpec(two, guidance=1.0, guidance_2=3.0)


def test_several_images_of_a_prompt(flux: Path) -> None:
    """Tests that a request is one image."""
    ModelSpec(flux, inputs={"num_images_per_prompt": 1})
    with pytest.raises(ValueError, match=r"^inputs\.num_images_per_prompt is 2; a request is one image or video"):
        ModelSpec(flux, inputs={"num_images_per_prompt": 2})


def test_a_fingerprint_tells_changes(copy: Path) -> None:
    """Tests that any changed or missing file changes the fingerprint, and reading none does."""
    before = fingerprint(copy)
    (copy / "vae" / "config.json").read_text()
    assert fingerprint(copy) == before
    with (copy / "transformer" / "config.json").open("a") as file:
        file.write(" ")
    assert fingerprint(copy) != before


@pytest.mark.parametrize(
    ("family", "shape", "message"),
    [
        ("flux", Shape(100, 100), r"shape 100x100: .* multiples of 16 pixels, as 96x96"),
        ("qwen", Shape(100, 96), r"shape 100x96: .* multiples of 16 pixels, as 96x96"),
        ("flux", Shape(64, 64, 5), r"makes images; they have one frame"),
        ("sd3", Shape(64, 1040), r"positions for sides up to 1024 pixels \(pos_embed_max_size=64\)"),
        ("wan", Shape(32, 48, 6), r"frames must be one more than a multiple of 4, as 32x48x5"),
    ],
)
def test_shapes_that_a_model_would_round(tmp_path: Path, family: str, shape: Shape, message: str) -> None:
    """Tests that sizes and frames that diffusers would round silently, or fail on at the first step, are refused."""
    folder = build(family, tmp_path)
    with pytest.raises(ValueError, match=message):
        check_shape(folder, shape, 1)
    for good in (Shape(64, 1024),) if family == "sd3" else (Shape(64, 96),):
        check_shape(folder, good, 1)


def test_served_pipelines_have_a_plan() -> None:
    """Tests that the classes of transformers of served pipelines are planned for."""
    served = {"Flux", "Flux2", "SD3", "QwenImage", "Wan", "LTXVideo"}
    assert served <= {name.split("Transformer")[0] for name in PLANS}
