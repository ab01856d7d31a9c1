"""Which model is served, and how: what workers need to know to load it. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from executor.models.folder import listed_parts, problem_of
from executor.models.lora import BESIDE, problem_of_lora
from planner.errors import ParameterError, is_finite
from planner.request import Request

_OF_THE_REQUEST = (
    "prompt",
    "height",
    "width",
    "num_frames",
    "num_inference_steps",
    "generator",
    "output_type",
    "latents",
)
"""Inputs that follow from a request."""

_COPIES = ("num_images_per_prompt", "num_videos_per_prompt")

Role = Literal["denoise", "denoise and decode", "stages"]
"""``denoise``: transformer and scheduler; ``denoise and decode``: also the autoencoder. ``stages``: text encoders and
autoencoder, around the steps."""

TRANSFORMERS = ("transformer", "transformer_2")
TEXT_ENCODERS = ("text_encoder", "text_encoder_2", "text_encoder_3")
HELD: dict[Role, tuple[str, ...]] = {
    "denoise": TRANSFORMERS,
    "denoise and decode": (*TRANSFORMERS, "vae"),
    "stages": (*TEXT_ENCODERS, "vae"),
}
"""Parts whose weights a worker holds, by role. A LoRA that is fused takes none."""


class ModelError(RuntimeError):
    """A model cannot be loaded; the message names the folder and the part."""


@dataclass(frozen=True)
class ModelSpec:
    """A model in a local folder.

    Parameters
    ----------
    folder
        As diffusers saves it, with ``model_index.json``.
    dtype
        Of weights and latents.
    weights
        ``load``: from the folder. ``random``: the folder's configurations suffice; for timing a model at full
        size without its weights.
    guidance
        Scale of classifier-free guidance, or of a distilled model's guidance; None for the model's own.
    inputs
        Further inputs of the pipeline, such as ``max_sequence_length``.
    seed
        Request ``i`` starts from the noise of seed ``seed + i``; also of random weights.
    lora
        A file of safetensors that is fused into the transformer when it is loaded.
    lora_weight
        What it is multiplied with.
    vae_tiling
        Whether the autoencoder decodes an image tile by tile, in less memory; the tiles are blended, so that it is not
        quite the image that one piece would be.
    compile
        Whether workers compile the transformer's blocks (`torch.compile`), in their first steps.
    offload
        Whether text encoders rest in host memory, from where each of their layers is on the device while it computes.
    guidance_2
        Scale of guidance for the second of two transformers; None for that of the first.

    Raises
    ------
    ModelError
        If the folder is not one that diffusers saved, is not whole, or holds a pipeline that is not served; if a LoRA cannot
        be fused, or lies in the folder and is not asked for.
    ValueError
        If a field has another value, or inputs say what a request says.
    """

    folder: Path
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    weights: Literal["load", "random"] = "load"
    guidance: float | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    lora: Path | None = None
    lora_weight: float = 1.0
    vae_tiling: bool = False
    compile: bool = False
    offload: bool = False
    guidance_2: float | None = None

    @property
    def compiler(self) -> str | None:
        """What compiles the blocks: a backend of `torch.compile`; None where nothing does."""
        return "inductor" if self.compile else None

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", Path(self.folder))
        if self.dtype not in ("float32", "bfloat16", "float16"):
            raise ParameterError("dtype", self.dtype, "use 'float32', 'bfloat16' or 'float16'")
        if self.weights not in ("load", "random"):
            raise ParameterError("weights", self.weights, "use 'load' or 'random'")
        if not (self.folder / "model_index.json").is_file():
            raise ModelError(
                f"engine.model is {str(self.folder)!r}, which has no model_index.json; "
                "give a local folder that diffusers saved"
            )
        problem = problem_of(self.folder, self.weights == "load")
        if problem is not None:
            raise ModelError(f"{self.folder}: {problem}")
        self._check_lora()
        self._check_guidance()
        for name, value in self.inputs.items():
            if name in _OF_THE_REQUEST:
                raise ParameterError(f"inputs.{name}", value, "each request says its own; leave it out")
            if name in _COPIES and value != 1:
                raise ParameterError(
                    f"inputs.{name}", value, "a request is one image or video; use 1, and more requests"
                )

    @property
    def _two(self) -> bool:
        return any(name == "transformer_2" and kind for name, kind in listed_parts(self.folder))

    def _check_guidance(self) -> None:
        for name in ("guidance", "guidance_2"):
            if not (getattr(self, name) is None or is_finite(getattr(self, name))):
                raise ParameterError(name, getattr(self, name), "a finite number is needed")
        second = self.guidance_2
        if second is None:
            return
        if not self._two:
            raise ParameterError("guidance_2", second, "it is for the second of two transformers; this model has one")
        if self.guidance is not None and self.guidance <= 1:
            raise ParameterError(
                "guidance_2", second, f"without guidance (guidance is {self.guidance:g}) there is none"
            )

    def _check_lora(self) -> None:
        if not is_finite(self.lora_weight):
            raise ParameterError("lora_weight", self.lora_weight, "a finite number is needed")
        if self.lora is None:
            if self.lora_weight != 1.0:
                raise ParameterError(
                    "lora_weight", self.lora_weight, "it is the weight of engine.lora, which is not given"
                )
            if (self.folder / BESIDE).is_file():
                raise ModelError(
                    f"{self.folder}: {BESIDE} beside model_index.json has no effect unless engine.lora names it; "
                    "do so, or move it away"
                )
            return
        object.__setattr__(self, "lora", Path(self.lora))
        problem = problem_of_lora(Path(self.lora), self._two)
        if problem is not None:
            raise ModelError(f"engine.lora is {str(self.lora)!r}: {problem}")


@dataclass(frozen=True, slots=True)
class Ask:
    """What a worker needs to know of a request.

    Parameters
    ----------
    request
        Shape, steps, id.
    prompt
        What to show.
    seed
        Of the noise.
    """

    request: Request
    prompt: str
    seed: int
