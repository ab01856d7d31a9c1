"""Folders of pipelines that are not what `random_models` builds: other schedulers, two transformers, missing parts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers

from executor.models.random_models.build import build
from executor.models.random_models.tokenizers import t5_tokenizer


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
