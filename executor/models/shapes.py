"""What can be refused before anything starts, from a pipeline's configurations alone. No torch here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from executor.models.folder import SERVED, pipeline_of
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
        If a side cannot be cut into tokens or exceeds what the model has positions for, an image is to have frames, a
        video's frames are not what its autoencoder makes, or there are fewer tokens than members; the message names the
        shape.
    """
    _check_frames(folder, shape)
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
    most = _read(folder / "transformer" / "config.json").get("pos_embed_max_size")
    if isinstance(most, int) and max(shape.height, shape.width) > most * side:
        raise ValueError(
            f"shape {shape.label}: {folder.name} has positions for sides up to {most * side} pixels "
            f"(pos_embed_max_size={most})"
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
    # FLUX and its kin pack 2x2 latents into a token before the transformer
    packed = 2 if patch == 1 and not pipeline_of(folder).startswith("LTX") else 1
    return latent * patch * packed


def _check_frames(folder: Path, shape: Shape) -> None:
    makes = SERVED.get(pipeline_of(folder))
    if makes == "image" and shape.frames != 1:
        raise ValueError(f"shape {shape.label}: {folder.name} makes images; they have one frame")
    if makes != "video":
        return
    vae = _read(folder / "vae" / "config.json")
    times = vae.get("scale_factor_temporal") or vae.get("temporal_compression_ratio")
    if times is None and isinstance(vae.get("temperal_downsample"), list):
        times = 2 ** sum(map(bool, vae["temperal_downsample"]))
    if isinstance(times, int) and (shape.frames - 1) % times:
        near = shape._replace(frames=max(1, round((shape.frames - 1) / times) * times + 1))
        raise ValueError(
            f"shape {shape.label}: frames must be one more than a multiple of {times}, as {near.label}; {folder.name} makes "
            f"{times} frames of a latent one"
        )


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
