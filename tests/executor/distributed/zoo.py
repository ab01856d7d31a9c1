"""Tiny transformers with random weights, one per plan, and inputs that leave nothing even.

Heads (5) and tokens (35 or 30 of the latent, 7 of the text) are not divisible by the degrees that tests use,
and texts are padded where the model takes a mask.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import diffusers
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

HEADS, SIZE = 5, 8
INNER = HEADS * SIZE
TEXT, TEXT_SIZE = 7, 12


@dataclass(frozen=True)
class Case:
    """Configuration, shape of the latents without the batch, other inputs, factor of the weights."""

    cls: str
    config: dict[str, Any]
    latent: tuple[int, ...]
    inputs: Callable[[int, torch.Generator], dict[str, Any]]
    sharpen: float = 1.0

    def build(self, dtype: torch.dtype = torch.float32) -> nn.Module:
        """Random weights, the same at every call; also where the library starts from zeros."""
        torch.manual_seed(0)
        model: nn.Module = getattr(diffusers, self.cls)(**self.config)
        generator = torch.Generator().manual_seed(1)
        for parameter in model.parameters():
            if not parameter.any():
                parameter.data.normal_(0, 0.2, generator=generator)
            elif parameter.ndim > 1:
                parameter.data.mul_(self.sharpen)
        return (model if dtype == torch.float32 else model.to(dtype)).eval()


def _text(batch: int, generator: torch.Generator, tokens: int = TEXT) -> Tensor:
    return torch.randn(batch, tokens, TEXT_SIZE, generator=generator)


def _padded(batch: int) -> Tensor:
    """Mask in which the first prompt has 4 tokens of 7, and others one less each."""
    return (torch.arange(TEXT)[None] < torch.tensor([[4 - row] for row in range(batch)])).long()


def _time(batch: int, scale: float = 1.0) -> Tensor:
    return torch.full((batch,), 0.6 * scale)


def _flux(batch: int, g: torch.Generator) -> dict[str, Any]:
    grid = torch.stack(torch.meshgrid(torch.zeros(1), torch.arange(5.0), torch.arange(7.0), indexing="ij"), -1)
    return {
        "encoder_hidden_states": _text(batch, g),
        "pooled_projections": torch.randn(batch, 6, generator=g),
        "timestep": _time(batch),
        "guidance": torch.full((batch,), 3.5),
        "img_ids": grid.reshape(-1, 3),
        "txt_ids": torch.zeros(TEXT, 3),
    }


def _flux2(batch: int, g: torch.Generator) -> dict[str, Any]:
    image = torch.cartesian_prod(torch.zeros(1), torch.arange(5.0), torch.arange(7.0), torch.zeros(1))
    text = torch.cartesian_prod(torch.zeros(1), torch.zeros(1), torch.zeros(1), torch.arange(float(TEXT)))
    return {
        "encoder_hidden_states": _text(batch, g),
        "timestep": _time(batch),
        "guidance": torch.full((batch,), 3.5),
        "img_ids": image.expand(batch, -1, -1),
        "txt_ids": text.expand(batch, -1, -1),
    }


def _sd3(batch: int, g: torch.Generator) -> dict[str, Any]:
    return {
        "encoder_hidden_states": _text(batch, g),
        "pooled_projections": torch.randn(batch, 6, generator=g),
        "timestep": _time(batch, 1000),
    }


def _qwen(batch: int, g: torch.Generator) -> dict[str, Any]:
    return {
        "encoder_hidden_states": _text(batch, g),
        "encoder_hidden_states_mask": _padded(batch),
        "timestep": _time(batch),
        "img_shapes": [[(1, 5, 7)]] * batch,
    }


def _wan(batch: int, g: torch.Generator) -> dict[str, Any]:
    return {"encoder_hidden_states": _text(batch, g), "timestep": _time(batch, 1000)}


def _ltx(batch: int, g: torch.Generator) -> dict[str, Any]:
    return {
        "encoder_hidden_states": _text(batch, g),
        "encoder_attention_mask": _padded(batch),
        "timestep": _time(batch, 1000),
        "num_frames": 2,
        "height": 3,
        "width": 5,
    }


def _hunyuan(batch: int, g: torch.Generator) -> dict[str, Any]:
    return {
        "encoder_hidden_states": _text(batch, g),
        "encoder_attention_mask": _padded(batch),
        "pooled_projections": torch.randn(batch, 6, generator=g),
        "timestep": _time(batch, 1000),
        "guidance": torch.full((batch,), 6000.0),
    }


def _cogvideo(batch: int, g: torch.Generator) -> dict[str, Any]:
    angles = torch.randn(30, SIZE, generator=g)
    return {
        "encoder_hidden_states": _text(batch, g),
        "timestep": _time(batch, 1000),
        "image_rotary_emb": (angles.cos(), angles.sin()),
    }


def _pixart(batch: int, g: torch.Generator) -> dict[str, Any]:
    return {
        "encoder_hidden_states": _text(batch, g),
        "encoder_attention_mask": _padded(batch),
        "timestep": _time(batch, 1000),
        "added_cond_kwargs": {"resolution": None, "aspect_ratio": None},
    }


def _auraflow(batch: int, g: torch.Generator) -> dict[str, Any]:
    return {"encoder_hidden_states": _text(batch, g), "timestep": _time(batch)}


_DIT = {"num_attention_heads": HEADS, "attention_head_dim": SIZE}

CASES: dict[str, Case] = {
    "flux": Case(
        "FluxTransformer2DModel",
        _DIT
        | {
            "in_channels": 4,
            "num_layers": 1,
            "num_single_layers": 2,
            "joint_attention_dim": TEXT_SIZE,
            "pooled_projection_dim": 6,
            "guidance_embeds": True,
            "axes_dims_rope": (2, 2, 4),
        },
        (35, 4),
        _flux,
    ),
    "flux2": Case(
        "Flux2Transformer2DModel",
        _DIT
        | {
            "in_channels": 4,
            "num_layers": 1,
            "num_single_layers": 2,
            "joint_attention_dim": TEXT_SIZE,
            "timestep_guidance_channels": 8,
            "axes_dims_rope": (2, 2, 2, 2),
        },
        (35, 4),
        _flux2,
    ),
    "sd3.5": Case(
        "SD3Transformer2DModel",
        _DIT
        | {
            "sample_size": 16,
            "in_channels": 4,
            "out_channels": 4,
            "num_layers": 3,
            "joint_attention_dim": TEXT_SIZE,
            "caption_projection_dim": INNER,
            "pooled_projection_dim": 6,
            "pos_embed_max_size": 8,
            "dual_attention_layers": (0,),
            "qk_norm": "rms_norm",
        },
        (4, 10, 14),
        _sd3,
    ),
    "qwen": Case(
        "QwenImageTransformer2DModel",
        _DIT
        | {
            "in_channels": 4,
            "out_channels": 1,
            "num_layers": 2,
            "joint_attention_dim": TEXT_SIZE,
            "axes_dims_rope": (2, 2, 4),
        },
        (35, 4),
        _qwen,
    ),
    "wan": Case(
        "WanTransformer3DModel",
        _DIT
        | {
            "in_channels": 4,
            "out_channels": 4,
            "text_dim": TEXT_SIZE,
            "freq_dim": 16,
            "ffn_dim": 64,
            "num_layers": 2,
            "cross_attn_norm": True,
            "rope_max_seq_len": 32,
        },
        (4, 2, 6, 10),
        _wan,
    ),
    "ltx": Case(
        "LTXVideoTransformer3DModel",
        _DIT
        | {
            "in_channels": 4,
            "out_channels": 4,
            "cross_attention_dim": INNER,
            "num_layers": 2,
            "caption_channels": TEXT_SIZE,
        },
        (30, 4),
        _ltx,
    ),
    "hunyuan": Case(
        "HunyuanVideoTransformer3DModel",
        _DIT
        | {
            "in_channels": 4,
            "out_channels": 4,
            "num_layers": 1,
            "num_single_layers": 1,
            "num_refiner_layers": 1,
            "text_embed_dim": TEXT_SIZE,
            "pooled_projection_dim": 6,
            "rope_axes_dim": (2, 2, 4),
        },
        (4, 2, 6, 10),
        _hunyuan,
    ),
    "cogvideox": Case(
        "CogVideoXTransformer3DModel",
        _DIT
        | {
            "in_channels": 4,
            "out_channels": 4,
            "time_embed_dim": 8,
            "text_embed_dim": TEXT_SIZE,
            "num_layers": 2,
            "sample_width": 10,
            "sample_height": 6,
            "sample_frames": 5,
            "max_text_seq_length": TEXT,
            "use_rotary_positional_embeddings": True,
        },
        (2, 4, 6, 10),
        _cogvideo,
    ),
    "pixart": Case(
        "PixArtTransformer2DModel",
        _DIT
        | {
            "sample_size": 16,
            "in_channels": 4,
            "out_channels": 4,
            "num_layers": 2,
            "cross_attention_dim": INNER,
            "caption_channels": TEXT_SIZE,
        },
        (4, 10, 14),
        _pixart,
    ),
    "auraflow": Case(
        "AuraFlowTransformer2DModel",
        _DIT
        | {
            "sample_size": 16,
            "in_channels": 4,
            "out_channels": 4,
            "num_mmdit_layers": 1,
            "num_single_dit_layers": 2,
            "joint_attention_dim": TEXT_SIZE,
            "caption_projection_dim": INNER,
            "pos_embed_max_size": 64,
        },
        (4, 10, 14),
        _auraflow,
        sharpen=2.0,  # without it, attention hardly matters
    ),
}


_PIPELINES = ("FluxPipeline", "FluxModularPipeline", "FluxAutoBlocks", "WanPipeline", "WanModularPipeline", "WanBlocks")
CLASSES = [getattr(diffusers, name) for name in (*(case.cls for case in CASES.values()), *_PIPELINES)]
"""Imported here, once, so that processes forked from one that imported this module have them."""


@lru_cache(maxsize=32)
def transformer(name: str, dtype: torch.dtype = torch.float32) -> nn.Module:
    """Return the model of a case, built once per process."""
    return CASES[name].build(dtype)


def latents(name: str, seed: int, batch: int = 1) -> Tensor:
    """Return what a request starts from."""
    return torch.randn(batch, *CASES[name].latent, generator=torch.Generator().manual_seed(seed))


def predict(model: nn.Module, name: str, sample: Tensor, seed: int) -> Tensor:
    """Return what the model says of a sample, given the request's prompt."""
    batch, dtype = sample.shape[0], sample.dtype
    inputs = CASES[name].inputs(batch, torch.Generator().manual_seed(1000 + seed))
    inputs = {
        key: value.to(dtype) if isinstance(value, Tensor) and value.is_floating_point() and "ids" not in key else value
        for key, value in inputs.items()
    }
    inputs = tree_map(lambda value: value.to(sample.device) if isinstance(value, Tensor) else value, inputs)
    output: Tensor = model(hidden_states=sample, return_dict=False, **inputs)[0]
    return output


def denoise(model: nn.Module, name: str, sample: Tensor, seed: int) -> Tensor:
    """One step of a request."""
    with torch.no_grad():
        noise = predict(model, name, sample, seed)
    return sample - 0.2 * noise / noise.float().std().to(noise.dtype)
