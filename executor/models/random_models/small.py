"""Pipelines of few and narrow layers, for tests and demonstrations: 1 MB, or (``small``) 61 MB for FLUX.

Text encoders, tokenizers, transformer, autoencoder and scheduler are all there, so that the saved folder is
read like that of the real model. A ``small`` one has wide layers, so that a step is work rather than overhead: two processor
cores do steps at 256 pixels and above faster than one does, which they never do with a ``tiny`` one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import diffusers
import transformers

from executor.models.random_models.tokenizers import clip_tokenizer, qwen_tokenizer, t5_tokenizer

_HIDDEN = 32
_TEXT = 24
"""Tokens that CLIP takes."""


@dataclass(frozen=True, slots=True)
class Width:
    """How wide and deep a transformer is.

    Parameters
    ----------
    heads
        Attention heads.
    size
        Numbers per head.
    layers
        Transformer blocks, of each kind that the model has.
    """

    heads: int
    size: int
    layers: int

    @property
    def axes(self) -> tuple[int, int, int]:
        """How the rotary embedding shares a head among frame, row and column."""
        across = 2 * (3 * self.size // 16)
        return self.size - 2 * across, across, across


WIDTHS: dict[str, Width] = {"tiny": Width(4, 8, 2), "small": Width(8, 64, 1)}
"""By name."""


def _clip(cls: str, tokens: int) -> Any:
    config = transformers.CLIPTextConfig(
        vocab_size=tokens,
        hidden_size=_HIDDEN,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=_TEXT,
        projection_dim=_HIDDEN,
        bos_token_id=tokens - 2,
        eos_token_id=tokens - 1,
        pad_token_id=tokens - 1,
    )
    return getattr(transformers, cls)(config).eval()


def _t5(cls: str, tokens: int, hidden: int = _HIDDEN) -> Any:
    config = getattr(transformers, cls.replace("EncoderModel", "Config"))(
        vocab_size=tokens, d_model=hidden, d_kv=8, d_ff=64, num_layers=2, num_heads=4
    )
    return getattr(transformers, cls)(config).eval()


def _vae(channels: int) -> Any:
    return diffusers.AutoencoderKL(
        block_out_channels=(16, 16, 16, 16),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        norm_num_groups=8,
        latent_channels=channels,
        layers_per_block=1,
        use_quant_conv=False,
        use_post_quant_conv=False,
        shift_factor=0.1,
        scaling_factor=0.4,
        sample_size=64,
    )


def _flux(width: Width) -> Any:
    clip, t5 = clip_tokenizer(_TEXT), t5_tokenizer(32)
    return diffusers.FluxPipeline(
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, shift=3.0),
        vae=_vae(4),
        text_encoder=_clip("CLIPTextModel", len(clip)),
        tokenizer=clip,
        text_encoder_2=_t5("T5EncoderModel", len(t5)),
        tokenizer_2=t5,
        transformer=diffusers.FluxTransformer2DModel(
            in_channels=16,
            num_layers=width.layers,
            num_single_layers=width.layers,
            attention_head_dim=width.size,
            num_attention_heads=width.heads,
            joint_attention_dim=_HIDDEN,
            pooled_projection_dim=_HIDDEN,
            guidance_embeds=True,
            axes_dims_rope=width.axes,
        ),
    )


def _sd3(width: Width) -> Any:
    clip, t5 = clip_tokenizer(_TEXT), t5_tokenizer(32)
    return diffusers.StableDiffusion3Pipeline(
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=_vae(4),
        text_encoder=_clip("CLIPTextModelWithProjection", len(clip)),
        tokenizer=clip,
        text_encoder_2=_clip("CLIPTextModelWithProjection", len(clip)),
        tokenizer_2=clip,
        text_encoder_3=_t5("T5EncoderModel", len(t5), 2 * _HIDDEN),
        tokenizer_3=t5,
        transformer=diffusers.SD3Transformer2DModel(
            sample_size=32,
            in_channels=4,
            out_channels=4,
            num_layers=width.layers + 1,
            attention_head_dim=width.size,
            num_attention_heads=width.heads,
            joint_attention_dim=2 * _HIDDEN,
            caption_projection_dim=width.heads * width.size,
            pooled_projection_dim=2 * _HIDDEN,
            pos_embed_max_size=64,
            dual_attention_layers=(0,),
            qk_norm="rms_norm",
        ),
    )


def _qwen(width: Width) -> Any:
    tokenizer = qwen_tokenizer()
    config = transformers.Qwen2_5_VLConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": _HIDDEN,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "rope_scaling": {"type": "default", "mrope_section": [1, 1, 2]},
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [1, 1, 2]},
        },
        vision_config={
            "depth": 1,
            "hidden_size": 16,
            "intermediate_size": 16,
            "num_heads": 2,
            "out_hidden_size": _HIDDEN,
            "fullatt_block_indexes": [0],
        },
    )
    return diffusers.QwenImagePipeline(
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=diffusers.AutoencoderKLQwenImage(
            base_dim=8,
            z_dim=4,
            dim_mult=[1, 1, 1, 1],
            num_res_blocks=1,
            latents_mean=[0.0] * 4,
            latents_std=[1.0] * 4,
        ),
        text_encoder=transformers.Qwen2_5_VLForConditionalGeneration(config).eval(),
        tokenizer=tokenizer,
        transformer=diffusers.QwenImageTransformer2DModel(
            in_channels=16,
            out_channels=4,
            num_layers=width.layers,
            attention_head_dim=width.size,
            num_attention_heads=width.heads,
            joint_attention_dim=_HIDDEN,
            axes_dims_rope=width.axes,
        ),
    )


def _wan(width: Width) -> Any:
    tokenizer = t5_tokenizer(512)
    return diffusers.WanPipeline(
        scheduler=diffusers.UniPCMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0
        ),
        vae=diffusers.AutoencoderKLWan(
            base_dim=8,
            z_dim=4,
            dim_mult=[1, 1, 1, 1],
            num_res_blocks=1,
            latents_mean=[0.0] * 4,
            latents_std=[1.0] * 4,
        ),
        text_encoder=_t5("UMT5EncoderModel", len(tokenizer)),
        tokenizer=tokenizer,
        transformer=diffusers.WanTransformer3DModel(
            in_channels=4,
            out_channels=4,
            num_layers=width.layers,
            attention_head_dim=width.size,
            num_attention_heads=width.heads,
            text_dim=_HIDDEN,
            freq_dim=16,
            ffn_dim=64,
            cross_attn_norm=True,
            rope_max_seq_len=64,
        ),
    )


SMALL: dict[str, Callable[[Width], Any]] = {"flux": _flux, "sd3": _sd3, "qwen": _qwen, "wan": _wan}
"""Builders by family."""
