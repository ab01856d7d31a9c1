"""A LoRA beside a folder: what can be refused from its file alone, and fusing it into the transformer. No torch here.

Diffusers reads and fuses it, by way of the library peft, so that every format that diffusers converts is served.
"""

from __future__ import annotations

import struct
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from executor.models.weights import names_in

BESIDE = "pytorch_lora_weights.safetensors"
"""What diffusers calls a LoRA that it saves; beside ``model_index.json`` it has no effect by itself."""

_OF_TEXTS = ("text_encoder", "lora_te")
_BEFOREHAND = (
    "fuse it beforehand: pipe.load_lora_weights, pipe.fuse_lora, pipe.unload_lora_weights, pipe.save_pretrained"
)


def problem_of_lora(file: Path, two_transformers: bool) -> str | None:
    """Return what is wrong with a LoRA, in words; None if it can be fused.

    Parameters
    ----------
    file
        A file of safetensors.
    two_transformers
        Whether the model has two, so that a file does not say which it is for.
    """
    if file.suffix != ".safetensors" or not file.is_file():
        return "it is not a file of safetensors"
    try:
        names = list(names_in(file))
    except (OSError, ValueError, AttributeError, struct.error) as error:
        return f"it cannot be read: {error}"
    if any("dora_scale" in name for name in names):
        return f"it is a DoRA, whose scales diffusers leaves out; {_BEFOREHAND}"
    if any(name.startswith(_OF_TEXTS) for name in names):
        return f"it changes text encoders too, and only the transformer's part can be fused; {_BEFOREHAND}"
    if two_transformers:
        return f"the model has two transformers, and it does not say which it is for; {_BEFOREHAND}"
    if find_spec("peft") is None:
        return f"diffusers needs peft for it, which is not installed: pip install peft; or {_BEFOREHAND}"
    return None


def fuse_lora(pipeline: Any, file: Path, weight: float) -> None:
    """Add a LoRA to the weights of a pipeline's transformer, which has the same modules as before.

    Parameters
    ----------
    pipeline
        With its transformer; changed in place.
    file
        One of which `problem_of_lora` finds nothing wrong.
    weight
        What the LoRA is multiplied with.

    Raises
    ------
    ValueError
        If some of it has no place in the transformer.
    """
    network = pipeline.transformer
    before = dict(network.config)
    held = pipeline.lora_state_dict(str(file.parent), weight_name=file.name, local_files_only=True)
    modules = sum("lora_A" in name for name in held)
    pipeline.load_lora_weights(str(file.parent), weight_name=file.name, adapter_name="own", local_files_only=True)
    taken = sum(name.endswith("lora_A.own") for name, _ in network.named_modules())
    if taken != modules or not taken:
        raise ValueError(
            f"{type(network).__name__} has a place for {taken} of its {modules} modules; is it of another model?"
        )
    if dict(network.config) != before:
        raise ValueError("it gives the transformer further inputs, as those for other tasks do, which are not served")
    pipeline.fuse_lora(components=["transformer"], lora_scale=weight)
    pipeline.unload_lora_weights()
