"""Read the parts of a model that a worker needs, from a folder that diffusers saved."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import diffusers
import torch
import transformers
from diffusers.hooks import apply_group_offloading
from torch import nn

from executor.models.codec import pack
from executor.models.folder import parts_of
from executor.models.lora import fuse_lora
from executor.models.plain import guide_plainly
from executor.models.spec import HELD, TEXT_ENCODERS, TRANSFORMERS, ModelError, ModelSpec, Role

_SHAPED = (*TRANSFORMERS, "vae")
"""What every worker knows at least the configuration of; where it does not hold it, it takes no memory."""
_STEPPING = (*_SHAPED, "scheduler")
"""What steps need; of the autoencoder its configuration, which tells how long a latent is."""
_PARTS = {"denoise": _STEPPING, "denoise and decode": _STEPPING}
"""What is loaded for a role; all else is for everything."""


def load_pipeline(spec: ModelSpec, role: Role | None, device: torch.device) -> Any:
    """Return a modular pipeline with the parts that a role needs.

    Parameters
    ----------
    spec
        Which model.
    role
        None for all parts. The transformer of a worker for ``stages`` has a configuration and no memory, as has the
        autoencoder of one for ``denoise``.
    device
        Where the weights go; those of text encoders to host memory, if the specification says so.

    Raises
    ------
    ModelError
        If diffusers has no modular pipeline for the model, or a part is missing or broken.
    """
    quiet()
    try:
        pipeline = diffusers.ModularPipeline.from_pretrained(str(spec.folder))
        needed = {part.name for part in pipeline.blocks.get_execution_blocks(prompt="").expected_components}
        wanted = [name for name in pipeline.pretrained_component_names if name in needed]
    except Exception as error:
        raise ModelError(f"{spec.folder}: diffusers cannot read it as a modular pipeline: {error}") from error
    index = dict(parts_of(diffusers.DiffusionPipeline.load_config(str(spec.folder))))
    unlisted = [name for name in wanted if name not in index]
    if unlisted:
        raise ModelError(
            f"{spec.folder}: model_index.json does not list {', '.join(unlisted)}, which every request needs"
        )
    for name in wanted:
        if index[name] is None:
            continue
        if role in _PARTS and name not in _PARTS[role]:
            continue
        nowhere = role is not None and name in _SHAPED and name not in HELD[role]
        rests = spec.offload and name in TEXT_ENCODERS
        there = torch.device("cpu") if rests else device
        part = _load_part(spec, pipeline, name, torch.device("meta") if nowhere else there)
        if isinstance(part, nn.Module):
            part.eval().requires_grad_(False)
            if not any(parameter.is_meta for parameter in part.parameters()):
                part.to(there)
            if rests:
                apply_group_offloading(part, device, there, "leaf_level")
        if name == "scheduler":
            _check_travels(spec, part)
        if name == "vae" and spec.vae_tiling:
            _tile(spec, part)
        pipeline.update_components(**{name: part})
    guide_plainly(pipeline, spec.guidance, spec.guidance_2)
    if spec.lora is not None and role != "stages":
        try:
            fuse_lora(pipeline, spec.lora, spec.lora_weight)
        except Exception as error:
            raise ModelError(f"engine.lora is {str(spec.lora)!r}, which cannot be fused: {error}") from error
    return pipeline


def bytes_without_file(spec: ModelSpec, name: str) -> int:
    """Return the bytes of a part with random weights, which is in no file, by building it where it takes no memory.

    Raises
    ------
    ModelError
        If its configuration is broken.
    """
    quiet()
    try:
        part = _from_config(spec, name, torch.device("meta"))
    except Exception as error:
        raise ModelError(f"{spec.folder}: {name!r} cannot be built: {error}") from error
    return sum(held.numel() * held.element_size() for held in (*part.parameters(), *part.buffers()))


def quiet() -> None:
    """No progress bars, and no chatter below an error, from the libraries."""
    diffusers.utils.logging.disable_progress_bar()
    diffusers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()


def _load_part(spec: ModelSpec, pipeline: Any, name: str, device: torch.device) -> Any:
    bare = (spec.folder / name / "config.json").is_file()
    try:
        if device.type == "meta" or (spec.weights == "random" and bare):
            return _from_config(spec, name, device)
        pipeline.load_components(names=[name], dtype=getattr(torch, spec.dtype), local_files_only=True)
        part = getattr(pipeline, name)
    except Exception as error:
        raise ModelError(f"{spec.folder}: {name!r} cannot be loaded: {error}") from error
    if part is None:
        hint = " Its configuration suffices for random weights: engine.weights=random, --random-weights" if bare else ""
        raise ModelError(f"{spec.folder}: {name!r} cannot be loaded; is a file of {name}/ missing or broken?{hint}")
    return part


def _tile(spec: ModelSpec, autoencoder: Any) -> None:
    """Let an autoencoder work tile by tile, of the size that is its own."""
    try:
        autoencoder.enable_tiling()
    except (AttributeError, NotImplementedError) as error:
        raise ModelError(
            f"{spec.folder}: engine.vae_tiling is true, but {type(autoencoder).__name__} cannot tile; leave it out"
        ) from error


def _check_travels(spec: ModelSpec, scheduler: Any) -> None:
    """Make sure that a scheduler's state can go from one worker to another."""
    try:
        pack(vars(scheduler))
    except Exception as error:
        raise ModelError(
            f"{spec.folder}: 'scheduler' is {type(scheduler).__name__}, whose state cannot go from one worker to another "
            f"({error}); use another scheduler"
        ) from error


def _from_config(spec: ModelSpec, name: str, device: torch.device) -> Any:
    """Build a part with random weights, right where and as it is needed; on the device ``meta``, with none at all."""
    library, class_name = diffusers.DiffusionPipeline.load_config(str(spec.folder))[name]
    dtype = getattr(torch, spec.dtype)
    with torch.random.fork_rng([device] if device.type == "cuda" else []), device, _default(dtype):
        torch.manual_seed(spec.seed)
        if library == "diffusers":
            kind = getattr(diffusers, class_name)
            config = kind.load_config(str(spec.folder), subfolder=name, local_files_only=True)
            part = kind.from_config(config)
        else:
            config = transformers.AutoConfig.from_pretrained(spec.folder / name, local_files_only=True)
            part = getattr(transformers, class_name)(config)
    return part.to(dtype)


@contextlib.contextmanager
def _default(dtype: torch.dtype) -> Iterator[None]:
    """Make new weights of a type, so that there is never a wider copy of them."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
