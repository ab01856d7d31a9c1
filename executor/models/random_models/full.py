"""Pipelines with the configurations of the published models: FLUX.1-dev, SD3-medium, Qwen-Image, Wan2.1-T2V-14B.

Every part but the tokenizers is that of the published model, so that steps, encoding and decoding take the time and the
memory that they take there. Parts are built without memory for weights. Sources: the models' own ``config.json`` files; the
tests compare the numbers of parameters with the published ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import diffusers
import torch
import transformers

from executor.models.random_models.tokenizers import clip_tokenizer, qwen_tokenizer, t5_tokenizer


def _bare(kind: Callable[..., Any], *arguments: Any, **configuration: Any) -> Any:
    with torch.device("meta"):
        return kind(*arguments, **configuration)


def _clip(cls: str, tokenizer: Any, large: bool = False) -> Any:
    """ViT-L/14, or ViT-bigG/14."""
    hidden, layers, heads, activation = (1280, 32, 20, "gelu") if large else (768, 12, 12, "quick_gelu")
    config = transformers.CLIPTextConfig(
        vocab_size=49408,
        hidden_size=hidden,
        intermediate_size=4 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        hidden_act=activation,
        max_position_embeddings=77,
        projection_dim=hidden,
        bos_token_id=len(tokenizer) - 2,
        eos_token_id=len(tokenizer) - 1,
        pad_token_id=len(tokenizer) - 1,
    )
    return _bare(getattr(transformers, cls), config)


def _t5(cls: str, tokens: int) -> Any:
    """T5 v1.1 XXL, or the multilingual one."""
    config = getattr(transformers, cls.replace("EncoderModel", "Config"))(
        vocab_size=tokens,
        d_model=4096,
        d_kv=64,
        d_ff=10240,
        num_layers=24,
        num_heads=64,
        feed_forward_proj="gated-gelu",
    )
    return _bare(getattr(transformers, cls), config)


def _vae(scaling: float, shift: float) -> Any:
    return _bare(
        diffusers.AutoencoderKL,
        block_out_channels=(128, 256, 512, 512),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=16,
        layers_per_block=2,
        use_quant_conv=False,
        use_post_quant_conv=False,
        scaling_factor=scaling,
        shift_factor=shift,
        sample_size=1024,
    )


def _flux() -> Any:
    clip = clip_tokenizer(77)
    return diffusers.FluxPipeline(
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, shift=3.0),
        vae=_vae(0.3611, 0.1159),
        text_encoder=_clip("CLIPTextModel", clip),
        tokenizer=clip,
        text_encoder_2=_t5("T5EncoderModel", 32128),
        tokenizer_2=t5_tokenizer(512),
        transformer=_bare(diffusers.FluxTransformer2DModel, guidance_embeds=True),
    )


def _sd3() -> Any:
    clip = clip_tokenizer(77)
    return diffusers.StableDiffusion3Pipeline(
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=_vae(1.5305, 0.0609),
        text_encoder=_clip("CLIPTextModelWithProjection", clip),
        tokenizer=clip,
        text_encoder_2=_clip("CLIPTextModelWithProjection", clip, large=True),
        tokenizer_2=clip,
        text_encoder_3=_t5("T5EncoderModel", 32128),
        tokenizer_3=t5_tokenizer(512),
        transformer=_bare(
            diffusers.SD3Transformer2DModel,
            num_layers=24,
            attention_head_dim=64,
            num_attention_heads=24,
            caption_projection_dim=1536,
            pos_embed_max_size=192,
        ),
    )


def _qwen() -> Any:
    config = transformers.Qwen2_5_VLConfig(
        text_config={
            "vocab_size": 152064,
            "hidden_size": 3584,
            "intermediate_size": 18944,
            "num_hidden_layers": 28,
            "num_attention_heads": 28,
            "num_key_value_heads": 4,
            "rope_scaling": {"type": "default", "mrope_section": [16, 24, 24]},
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]},
        },
        vision_config={
            "depth": 32,
            "hidden_size": 1280,
            "intermediate_size": 3420,
            "num_heads": 16,
            "out_hidden_size": 3584,
            "fullatt_block_indexes": [7, 15, 23, 31],
        },
        tie_word_embeddings=False,
    )
    return diffusers.QwenImagePipeline(
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(
            use_dynamic_shifting=True, max_shift=0.9, max_image_seq_len=8192, shift_terminal=0.02
        ),
        vae=_bare(diffusers.AutoencoderKLQwenImage),
        text_encoder=_bare(transformers.Qwen2_5_VLForConditionalGeneration, config),
        tokenizer=qwen_tokenizer(),
        transformer=_bare(diffusers.QwenImageTransformer2DModel),
    )


def _wan() -> Any:
    return diffusers.WanPipeline(
        scheduler=diffusers.UniPCMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=5.0
        ),
        vae=_bare(diffusers.AutoencoderKLWan),
        text_encoder=_t5("UMT5EncoderModel", 256384),
        tokenizer=t5_tokenizer(512),
        transformer=_bare(diffusers.WanTransformer3DModel),
    )


FULL: dict[str, Callable[[], Any]] = {"flux": _flux, "sd3": _sd3, "qwen": _qwen, "wan": _wan}
"""Builders by family."""
