"""What requests become: a PNG, or an MP4 where there are several frames, with the request in its metadata."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

from PIL.Image import Image
from PIL.PngImagePlugin import PngInfo

from executor.film import film
from executor.models.spec import Ask
from planner.request import Request

SUFFIXES = (".png", ".mp4", ".safetensors")
"""Of the files of requests."""


def image_path(folder: Path, request: Request) -> Path:
    """Where the image or the film of a request goes."""
    return folder / f"{request.id:06d}{'.mp4' if request.shape.frames > 1 else '.png'}"


def latent_path(folder: Path, request: int) -> Path:
    """Where the final latent of a request goes."""
    return folder / f"{request:06d}.safetensors"


def encoded(frames: Sequence[Image], ask: Ask) -> bytes:
    """Return the file of an image, or of a film."""
    about = _about(ask)
    if ask.request.shape.frames > 1:
        return film(frames, frames[0].size, about={"title": ask.prompt, "comment": about})
    info = PngInfo()
    info.add_text("prompt", ask.prompt)
    info.add_text("request", about)
    file = io.BytesIO()
    frames[0].save(file, "PNG", pnginfo=info)
    return file.getvalue()


def _about(ask: Ask) -> str:
    request = ask.request
    return json.dumps(
        {
            "id": request.id,
            "shape": request.shape.label,
            "steps": request.steps,
            "seed": ask.seed,
            "model": request.model,
            "arrival": request.arrival,
            "deadline": request.deadline,
        }
    )
