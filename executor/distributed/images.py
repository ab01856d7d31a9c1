"""Images: PNG with the request in its metadata."""

from __future__ import annotations

import io
import json
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


def png(frames: Sequence[Image], ask: Ask) -> bytes:
    """Return the file of an image, or of a video as an animated PNG."""
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
    file = io.BytesIO()
    frames[0].save(file, "PNG", pnginfo=info, save_all=len(frames) > 1, append_images=list(frames[1:]), duration=62)
    return file.getvalue()
