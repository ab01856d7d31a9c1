"""Folders of pipelines that are not what `random_models` builds: other schedulers, two transformers, missing parts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers

from executor.models.random_models.build import build
from executor.models.random_models.tokenizers import qwen_tokenizer, t5_tokenizer

FLUX2_INPUTS = {"text_encoder_out_layers": (1, 2, 3)}
"""Of a tiny FLUX.2, whose text encoder has three layers; the published ones take those around the tenth."""


def edit(path: Path, **values: Any) -> None:
    """Change some entries of a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def with_scheduler(folder: Path, name: str, **config: Any) -> Path:
    """Put another scheduler into a folder."""
    getattr(diffusers, name)(**config).save_config(folder / "scheduler")
    edit(folder / "model_index.json", scheduler=["diffusers", name])
    return folder


def wan22(folder: Path, boundary: float = 0.8) -> Path:
    """Build a tiny Wan with one transformer for each end of the timesteps."""
    pipeline = diffusers.WanPipeline.from_pretrained(build("wan", folder / "one"))
    with torch.random.fork_rng():
        torch.manual_seed(7)
        second = diffusers.WanTransformer3DModel.from_config(pipeline.transformer.config)
    two = diffusers.WanPipeline(**pipeline.components | {"transformer_2": second}, boundary_ratio=boundary)
    two.save_pretrained(folder / "two")
    return folder / "two"


def ltx(folder: Path) -> Path:
    """Build a tiny LTX-Video."""
    tokenizer = t5_tokenizer(512)
    four = (8, 8, 8, 8)
    with torch.random.fork_rng():
        torch.manual_seed(5)
        vae = diffusers.AutoencoderKLLTXVideo(
            latent_channels=8,
            block_out_channels=four,
            decoder_block_out_channels=four,
            layers_per_block=(1,) * 5,
            decoder_layers_per_block=(1,) * 5,
            spatio_temporal_scaling=(True, True, False, False),
            decoder_spatio_temporal_scaling=(True, True, False, False),
            decoder_inject_noise=(False,) * 5,
            patch_size=1,
            patch_size_t=1,
        )
        config = transformers.T5Config(
            vocab_size=len(tokenizer),
            d_model=32,
            d_kv=8,
            d_ff=64,
            num_layers=2,
            num_heads=4,
            feed_forward_proj="gated-gelu",
        )
        transformer = diffusers.LTXVideoTransformer3DModel(
            in_channels=8,
            out_channels=8,
            num_attention_heads=4,
            attention_head_dim=8,
            cross_attention_dim=32,
            num_layers=2,
            caption_channels=32,
        )
        diffusers.LTXPipeline(
            scheduler=diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
            vae=vae,
            text_encoder=transformers.T5EncoderModel(config).eval(),
            tokenizer=tokenizer,
            transformer=transformer,
        ).save_pretrained(folder)
    return folder


def flux2(folder: Path) -> Path:
    """Build a tiny FLUX.2-dev, guided by an embedded scale."""
    tokenizer = qwen_tokenizer()
    tokenizer.chat_template = "{% for m in messages %}{{ m['role'] }} {{ m['content'][0]['text'] }}{% endfor %}"
    sizes = {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "head_dim": 8,
    }
    config = transformers.Mistral3Config(
        text_config=_THREE_LAYERS | {"model_type": "mistral", "vocab_size": len(tokenizer)},
        vision_config=sizes | {"model_type": "pixtral", "image_size": 32, "patch_size": 16},
    )
    with torch.random.fork_rng():
        torch.manual_seed(9)
        text_encoder = transformers.Mistral3ForConditionalGeneration(config).eval()
        diffusers.Flux2Pipeline(
            text_encoder=text_encoder, tokenizer=tokenizer, **_flux2_parts(guidance=True)
        ).save_pretrained(folder)
    return folder


def flux2_klein(folder: Path, distilled: bool) -> Path:
    """Build a tiny FLUX.2-klein: distilled and not guided, or the base model, guided by an empty prompt."""
    tokenizer = qwen_tokenizer()
    tokenizer.chat_template = "{% for m in messages %}{{ m['role'] }} {{ m['content'] }}{% endfor %} assistant"
    config = transformers.Qwen3Config(**_THREE_LAYERS | {"vocab_size": len(tokenizer)})
    with torch.random.fork_rng():
        torch.manual_seed(9)
        text_encoder = transformers.Qwen3ForCausalLM(config).eval()
        diffusers.Flux2KleinPipeline(
            text_encoder=text_encoder, tokenizer=tokenizer, is_distilled=distilled, **_flux2_parts(guidance=False)
        ).save_pretrained(folder)
    return folder


_THREE_LAYERS = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
}


def _flux2_parts(guidance: bool) -> dict[str, Any]:
    """Return the parts that all of FLUX.2 share."""
    return {
        "scheduler": diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        "vae": diffusers.AutoencoderKLFlux2(
            block_out_channels=(16,) * 4,
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            norm_num_groups=8,
            latent_channels=4,
            layers_per_block=1,
            sample_size=64,
        ),
        "transformer": diffusers.Flux2Transformer2DModel(
            in_channels=16,
            num_layers=1,
            num_single_layers=2,
            attention_head_dim=8,
            num_attention_heads=5,
            joint_attention_dim=96,
            timestep_guidance_channels=16,
            axes_dims_rope=(2, 2, 2, 2),
            guidance_embeds=guidance,
        ),
    }
