"""Whether a folder holds a whole pipeline of a kind that can be served, judged by its index. No torch here."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from executor.models.weights import names_in

SERVED = {
    "FluxPipeline": "image",
    "Flux2Pipeline": "image",
    "Flux2KleinPipeline": "image",
    "StableDiffusion3Pipeline": "image",
    "QwenImagePipeline": "image",
    "WanPipeline": "video",
    "LTXPipeline": "video",
}
"""Pipelines that are served, and what they make of a text."""

_OPTIONAL = ("text_encoder_3", "tokenizer_3", "transformer_2", "image_encoder", "feature_extractor")
"""Parts that a published pipeline may do without; its index then says null."""

TWICE_A_STEP = (
    "DPMSolverSDEScheduler",
    "FlowMatchHeunDiscreteScheduler",
    "HeunDiscreteScheduler",
    "KDPM2AncestralDiscreteScheduler",
    "KDPM2DiscreteScheduler",
    "KarrasVeScheduler",
)
"""Schedulers that ask the model twice for a step, so that a request would have other timesteps than steps."""

_CONFIGURATIONS = ("config.json", "scheduler_config.json", "tokenizer_config.json", "preprocessor_config.json")


def problem_of(folder: Path, weights: bool) -> str | None:
    """Return what is wrong with a folder, in words that name the part and the file; None if it is whole.

    Parameters
    ----------
    folder
        With ``model_index.json``.
    weights
        Whether the parts' weights are needed, or configurations suffice.
    """
    try:
        index = json.loads((folder / "model_index.json").read_text())
        pipeline = index["_class_name"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"model_index.json cannot be read: {type(error).__name__}: {error}"
    if pipeline not in SERVED:
        return (
            f"model_index.json says {pipeline}, which is not served: served are text to image and text to video by "
            f"{', '.join(SERVED)}"
        )
    if index.get("expand_timesteps"):
        return "model_index.json says expand_timesteps, as Wan 2.2 of 5 billion parameters; that variant is not served"
    for name, kind in parts_of(index):
        if kind is None:
            if name not in _OPTIONAL:
                return f"{name!r} is null in model_index.json; only {', '.join(_OPTIONAL)} may be"
            continue
        if kind in TWICE_A_STEP:
            return (
                f"{name!r} is {kind}, which asks the model twice for a step: a request of 4 steps would have 7 timesteps; "
                "use a scheduler that asks once, as FlowMatchEulerDiscreteScheduler"
            )
        found = _problem_of_part(folder / name, kind, weights)
        if found is not None:
            return f"{name!r} cannot be loaded: {found}"
    return None


def parts_of(index: dict[str, Any]) -> Iterator[tuple[str, str | None]]:
    """Yield name and class of every part of an index; None where it says that there is none."""
    for name, entry in index.items():
        if not name.startswith("_") and isinstance(entry, list) and len(entry) == 2:
            yield name, entry[1]


def listed_parts(folder: Path) -> list[tuple[str, str | None]]:
    """Return `parts_of` the index of a folder that `problem_of` finds nothing wrong with."""
    return list(parts_of(json.loads((folder / "model_index.json").read_text())))


def pipeline_of(folder: Path) -> str:
    """Return the class of a folder's pipeline; empty where the index cannot be read."""
    try:
        return str(json.loads((folder / "model_index.json").read_text())["_class_name"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def fingerprint(folder: Path, *more: Path) -> dict[str, tuple[int, int]]:
    """Return size and time of the last change of every file of a folder, and of files beside, to tell whether any changed."""
    names = {path: path.relative_to(folder) for path in folder.rglob("*")} | {path: path for path in more}
    found: dict[str, tuple[int, int]] = {}
    for path, name in names.items():
        if path.is_file() and (path in more or not any(part.startswith(".") for part in name.parts)):
            about = path.stat()
            found[str(name)] = about.st_size, about.st_mtime_ns
    return found


def _problem_of_part(part: Path, kind: str, weights: bool) -> str | None:
    if not part.is_dir():
        return f"the folder {part.name}/ is missing, which model_index.json lists as {kind}"
    configurations = [part / name for name in _CONFIGURATIONS if (part / name).is_file()]
    for path in configurations:
        try:
            json.loads(path.read_text())
        except (OSError, ValueError) as error:
            return f"{part.name}/{path.name} is broken: {error}"
    names = {path.name for path in configurations}
    if kind.endswith("Scheduler"):
        return None if "scheduler_config.json" in names else f"{part.name}/scheduler_config.json is missing"
    if "Tokenizer" in kind:
        files = any(part.iterdir())
        return None if files else f"{part.name}/ is empty"
    if kind.endswith(("Processor", "Extractor")):
        return None if names else f"{part.name}/ has no configuration"
    if "config.json" not in names:
        return f"{part.name}/config.json is missing"
    return _problem_of_weights(part) if weights else None


def _problem_of_weights(part: Path) -> str | None:
    indices = [*part.glob("*.safetensors.index*.json"), *part.glob("*.bin.index*.json")]
    for path in indices:
        try:
            shards = sorted(set(json.loads(path.read_text())["weight_map"].values()))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            return f"{part.name}/{path.name} is broken: {type(error).__name__}: {error}"
        missing = [shard for shard in shards if not (part / shard).is_file()]
        if missing:
            return f"{part.name}/{missing[0]} is missing, which {path.name} lists"
    for path in part.glob("*.safetensors"):
        if _holds_lora(path):
            return (
                f"{part.name}/{path.name} holds a LoRA beside the weights, so that diffusers would load random ones: "
                "before pipe.save_pretrained, call pipe.fuse_lora and pipe.unload_lora_weights"
            )
    if indices or any(part.glob("*.safetensors")) or any(part.glob("*.bin")):
        return None
    return (
        f"there are no weights in {part.name}/; its configuration suffices for random weights: engine.weights=random, "
        "--random-weights"
    )


def _holds_lora(path: Path) -> bool:
    """Whether a file was saved of a network that a LoRA was still loaded into."""
    try:
        return any(".lora_A." in name for name in names_in(path))
    except (OSError, ValueError, AttributeError, struct.error):
        return False  # loading will name it
