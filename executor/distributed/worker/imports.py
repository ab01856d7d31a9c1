"""Import all that workers compute with, which takes seconds."""

from __future__ import annotations

import contextlib
import gc
import json
from importlib import import_module
from pathlib import Path

ALWAYS = ("executor.distributed.worker.process", "executor.models.loading")
"""Modules that every worker needs, with all that they import."""


def import_all(folder: Path | None = None) -> None:
    """Import the code of workers, and that of the parts of the model in a folder.

    Nothing of it ever is garbage, but the collector would look through it again and again: in each process that is forked
    from this one, too, where that copies memory that both share. So it rests meanwhile, and leaves out what is there then.
    """
    gc.disable()
    try:
        for name in ALWAYS:
            import_module(name)
        if folder is not None:
            _import_parts(folder)
    finally:
        gc.enable()
    gc.collect()
    gc.freeze()


def _import_parts(folder: Path) -> None:
    """Import the classes of a pipeline's parts; what cannot be imported is reported when it is loaded."""
    import diffusers

    from executor.models.loading import quiet

    index = json.loads((folder / "model_index.json").read_text())
    for library, name in (entry for entry in index.values() if isinstance(entry, list)):
        with contextlib.suppress(Exception):
            getattr(import_module(library), name)
    with contextlib.suppress(Exception):  # a thousand regular expressions, for whatever text encoder is loaded
        import_module("transformers.conversion_mapping").get_checkpoint_conversion_mapping("")
    with contextlib.suppress(Exception):
        quiet()
        diffusers.ModularPipeline.from_pretrained(str(folder)).blocks.get_execution_blocks(prompt="")
