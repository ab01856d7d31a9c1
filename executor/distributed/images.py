"""Images on disk: PNG with the request in its metadata, complete or not there at all."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from PIL.Image import Image
from PIL.PngImagePlugin import PngInfo

from executor.distributed.models.spec import Ask


def image_path(folder: Path, request: int) -> Path:
    """Where the image of a request goes."""
    return folder / f"{request:06d}.png"


def latent_path(folder: Path, request: int) -> Path:
    """Where the final latent of a request goes."""
    return folder / f"{request:06d}.safetensors"


def write_image(frames: Sequence[Image], ask: Ask, path: Path) -> None:
    """Write an image, or a video as an animated PNG.

    The file appears under its name only when all of it is written.

    Raises
    ------
    OSError
        If the folder cannot be written, or is full.
    """
    request = ask.request
    info = PngInfo()
    info.add_text("prompt", ask.prompt)
    info.add_text(
        "request",
        json.dumps(
            {
                "id": request.id,
                "shape": request.shape.label,
                "steps": request.steps,
                "seed": ask.seed,
                "model": request.model,
                "arrival": request.arrival,
                "deadline": request.deadline,
            }
        ),
    )
    partial = path.with_suffix(".partial")
    try:
        with partial.open("wb") as file:
            frames[0].save(
                file,
                "PNG",
                pnginfo=info,
                save_all=len(frames) > 1,
                append_images=list(frames[1:]),
                duration=62,
            )
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
