"""Which model a run serves: a folder of the user's, or one with random weights that is built once, without a download."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from executor.distributed.models.spec import ModelSpec
from experiments.checks import ConfigError

BUILT = ("flux", "sd3", "qwen", "wan")
"""Families that can be built."""

WIDTHS = ("tiny", "small")
"""How wide they can be."""

TEXT_LENGTH = 32
"""Tokens of text of a built model, whose prompts are short; a real one keeps its own number."""


def cache_folder() -> Path:
    """Where built models are kept: below ``XDG_CACHE_HOME``, or ``~/.cache``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tetriplan" / "models"


def check_model(engine: Mapping[str, Any]) -> None:
    """Refuse a model that is neither built nor a folder, before anything is built.

    Raises
    ------
    ConfigError
        The message names the value and what there is.
    """
    model, width = engine["model"], engine["width"]
    if width not in WIDTHS:
        raise ConfigError(f"engine.width is {width!r}; use {' or '.join(map(repr, WIDTHS))}")
    if model not in BUILT and not Path(model).expanduser().is_dir():
        raise ConfigError(
            f"engine.model is {model!r}; use {', '.join(BUILT)}, or the folder of a pipeline that diffusers saved"
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
    check_model(engine)
    inputs = dict(engine["inputs"])
    if engine["model"] in BUILT:
        folder = built(engine["model"], engine["width"])
        inputs = {"max_sequence_length": TEXT_LENGTH} | inputs
    else:
        folder = Path(engine["model"]).expanduser().resolve()
    return ModelSpec(folder, engine["dtype"], engine["weights"], engine["guidance"], inputs, seed)


def built(family: str, width: str) -> Path:
    """Return the folder of a built model; two processes that build it at once do not disturb each other."""
    versions = f"diffusers-{version('diffusers')}-torch-{version('torch')}"
    folder = cache_folder() / versions / f"{family}-{width}"
    if (folder / "model_index.json").is_file():
        return folder
    from executor.distributed.models.loading import quiet

    quiet()
    from executor.distributed.tiny import build_tiny

    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        build_tiny(family, partial, width=width)
        if not folder.exists():
            partial.rename(folder)
    except OSError:
        if not (folder / "model_index.json").is_file():
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder
