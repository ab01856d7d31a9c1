"""What can be refused before anything starts, from a pipeline's configurations alone. No torch here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from profiles.shape import Shape


def check_shape(folder: Path, shape: Shape, degree: int) -> None:
    """Make sure that a pipeline can make a shape, and that a group can share its tokens.

    Parameters
    ----------
    folder
        As diffusers saves it. Where its configurations do not say how pixels become tokens, nothing is refused.
    shape
        What is to be made.
    degree
        Of the largest group.

    Raises
    ------
    ValueError
        If a side cannot be cut into tokens, or there are fewer tokens than members; the message names the shape.
    """
    side = pixels_per_token(folder)
    if side is None:
        return
    if shape.height % side or shape.width % side:
        height, width = (max(side, round(size / side) * side) for size in (shape.height, shape.width))
        near = Shape(height, width, shape.frames)
        raise ValueError(
            f"shape {shape.label}: height and width must be multiples of {side} pixels, as {near.label}; "
            f"{folder.name} makes a token of {side}x{side}"
        )
    tokens = (shape.height // side) * (shape.width // side)
    if tokens < degree:
        raise ValueError(
            f"shape {shape.label}: an image of {tokens} tokens cannot be shared by a group of {degree}; "
            f"use larger shapes, or degrees up to {tokens}"
        )


def pixels_per_token(folder: Path) -> int | None:
    """Return the side, in pixels, of the square that becomes one token; None if the configurations do not say."""
    vae, transformer = (_read(folder / part / "config.json") for part in ("vae", "transformer"))
    latent = vae.get("scale_factor_spatial") or vae.get("spatial_compression_ratio")
    if latent is None:
        levels = vae.get("block_out_channels") or vae.get("dim_mult")
        latent = 2 ** (len(levels) - 1) if isinstance(levels, list) and levels else None
    patch = transformer.get("patch_size")
    patch = patch[-1] if isinstance(patch, list) and patch else patch
    if not (isinstance(latent, int) and isinstance(patch, int)):
        return None
    packed = 2 if patch == 1 else 1  # FLUX and its kin pack 2x2 latents into a token before the transformer
    return latent * patch * packed


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
