"""Which model a run serves: a folder of the user's, or one with random weights that is built once, without a download."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from executor.models.random_models import FAMILIES, WIDTHS
from executor.models.spec import ModelSpec
from experiments.config.checks import ConfigError

TEXT_LENGTH = 32
"""Tokens of text of a narrow model, whose prompts are short; a folder's keeps its own number."""

FULL_TEXT_LENGTH = {"flux": 512, "sd3": 256, "qwen": 64, "wan": 512}
"""The same at full width: what the published pipelines pad to; Qwen-Image does not, and its tokens are letters here."""


def cache_folder() -> Path:
    """Where built models are kept: below ``XDG_CACHE_HOME``, or ``~/.cache``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tetriplan" / "models"


def check_model(engine: Mapping[str, Any], device: str) -> None:
    """Refuse a model that is neither built nor a folder, or is too large for its device, before anything is built.

    Raises
    ------
    ConfigError
        The message names the value and what there is.
    """
    model, width = engine["model"], engine["width"]
    if width not in WIDTHS:
        raise ConfigError(f"engine.width is {width!r}; use {' or '.join(map(repr, WIDTHS))}")
    if width == "full" and model in FAMILIES and device == "cpu":
        raise ConfigError(
            "engine.width is 'full', which is for GPUs: every worker holds all weights of the published model, "
            "from 4 GB (sd3) to 41 GB (qwen) in bfloat16; on a processor use 'small'"
        )
    if model not in FAMILIES and not Path(model).expanduser().is_dir():
        raise ConfigError(
            f"engine.model is {model!r}; use {', '.join(FAMILIES)}, or the folder of a pipeline that diffusers saved"
        )


def model_of(engine: Mapping[str, Any], seed: int) -> ModelSpec:
    """Return the model of a configuration; one that is to be built is built unless the cache has it.

    Parameters
    ----------
    engine
        The group ``engine`` of the configuration.
    seed
        Of the requests' noise.
    """
    model, inputs, weights = engine["model"], dict(engine["inputs"]), engine["weights"]
    if model in FAMILIES:
        full = engine["width"] == "full"
        folder = built(model, engine["width"])
        inputs = {"max_sequence_length": FULL_TEXT_LENGTH[model] if full else TEXT_LENGTH} | inputs
        weights = "random" if full else weights
    else:
        folder = Path(model).expanduser().resolve()
    lora = None if engine["lora"] is None else Path(engine["lora"]).expanduser().resolve()
    return ModelSpec(
        folder,
        engine["dtype"],
        weights,
        engine["guidance"],
        inputs,
        seed,
        lora,
        engine["lora_weight"],
        engine["vae_tiling"],
        engine["compile"],
        guidance_2=engine["guidance_2"],
    )


def built(family: str, width: str) -> Path:
    """Return the folder of a built model; two processes that build it at once do not disturb each other."""
    versions = f"diffusers-{version('diffusers')}-torch-{version('torch')}"
    folder = cache_folder() / versions / f"{family}-{width}"
    if (folder / "model_index.json").is_file():
        return folder
    from executor.models.loading import quiet

    quiet()
    from executor.models.random_models.build import build

    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        build(family, partial, width=width)
        if not folder.exists():
            partial.rename(folder)
    except OSError:
        if not (folder / "model_index.json").is_file():
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder
