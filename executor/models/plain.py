"""What diffusers' plain pipelines tell a model that its modular ones do not, so that both make the same image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from diffusers.guiders import ClassifierFreeGuidance

_NEGATIVE = {"StableDiffusion3": "", "QwenImage": " ", "Wan": ""}
"""The negative prompt that a model's plain pipeline uses when none is given; only then it is guided."""


def negative_prompt(pipeline: Any) -> dict[str, str]:
    """Return the negative prompt of a modular pipeline's plain counterpart, as an input; nothing where it needs none."""
    name = type(pipeline).__name__
    words = next((words for family, words in _NEGATIVE.items() if name.startswith(family)), None)
    return {} if words is None else {"negative_prompt": words}


def speak_plainly(blocks: Sequence[Any]) -> None:
    """Let the text encoder of FLUX.2 hear the system message of the plain pipeline, which breaks a line elsewhere.

    Parameters
    ----------
    blocks
        Of a modular pipeline; changed in place.
    """
    for block in blocks:
        if type(block).__name__ == "Flux2TextEncoderStep":
            from diffusers.pipelines.flux2.system_messages import SYSTEM_MESSAGE

            block.DEFAULT_SYSTEM_MESSAGE = SYSTEM_MESSAGE


def guide_plainly(pipeline: Any, scale: float | None, second: float | None = None) -> None:
    """Set the scale of guidance, the same for each of two transformers unless told otherwise, as the plain pipeline does.

    Parameters
    ----------
    pipeline
        A modular one; changed in place.
    scale
        None for the model's own, which is the first transformer's.
    second
        For the second transformer; None for the same.
    """
    guiders = [name for name in ("guider", "guider_2") if name in pipeline.components]
    if scale is None:
        if len(guiders) < 2:
            return
        scale = pipeline.guider.guidance_scale
    for name, own in zip(guiders, (scale, scale if second is None else second), strict=False):
        pipeline.update_components(**{name: ClassifierFreeGuidance(guidance_scale=own)})
