"""Import what workers need, once, in the process that they are forked from.

The folder of the model is taken from the environment, since that process starts with nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
from importlib import import_module
from pathlib import Path

import diffusers

import executor.distributed.worker.process  # noqa: F401
from executor.models.loading import quiet

VARIABLE = "TETRIPLAN_PRELOAD"
"""Environment variable with the folder."""


def import_parts(folder: Path) -> None:
    """Import the classes of a pipeline's parts; what cannot be imported is reported when it is loaded."""
    index = json.loads((folder / "model_index.json").read_text())
    for library, name in (entry for entry in index.values() if isinstance(entry, list)):
        with contextlib.suppress(Exception):
            getattr(import_module(library), name)
    with contextlib.suppress(Exception):
        quiet()
        diffusers.ModularPipeline.from_pretrained(str(folder)).blocks.get_execution_blocks(prompt="")


if os.environ.get(VARIABLE):
    import_parts(Path(os.environ[VARIABLE]))
