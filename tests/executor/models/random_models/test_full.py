"""Pipelines with the configurations of published models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from executor.models.model import Model
from executor.models.random_models.build import build
from executor.models.random_models.full import FULL
from executor.models.spec import Ask, ModelSpec
from planner.request import Request
from profiles.shape import Shape

CLIP_L, CLIP_G, T5, VAE = 123_650_304, 694_659_840, 4_762_310_656, 83_819_683
PARAMETERS = {
    "flux": {"transformer": 11_901_408_320, "text_encoder": 123_060_480, "text_encoder_2": T5, "vae": VAE},
    "sd3": {
        "transformer": 2_028_328_000,
        "text_encoder": CLIP_L,
        "text_encoder_2": CLIP_G,
        "text_encoder_3": T5,
        "vae": VAE,
    },
    "qwen": {"transformer": 20_430_401_088, "text_encoder": 8_292_166_656, "vae": 126_892_531},
    "wan": {"transformer": 14_288_491_584, "text_encoder": 5_680_910_336, "vae": 126_892_531},
}
"""Of the published weights."""

FEWER: dict[str, object] = {
    "num_layers": 1,
    "num_single_layers": 1,
    "num_hidden_layers": 1,
    "vocab_size": 600,
    "layer_types": ["full_attention"],
    "depth": 1,
    "fullatt_block_indexes": [0],
    "block_out_channels": [32, 32, 32, 32],
    "base_dim": 8,
    "d_ff": 64,
    "intermediate_size": 64,
    "ffn_dim": 64,
    "num_heads": 2,
}


@pytest.mark.parametrize("family", FULL)
def test_parameters_are_those_of_the_published_model(family: str) -> None:
    """Tests that each part has exactly as many parameters as the published weights."""
    parts = {name: part for name, part in FULL[family]().components.items() if isinstance(part, nn.Module)}
    assert {name: sum(p.numel() for p in part.parameters()) for name, part in parts.items()} == PARAMETERS[family]


def fewer(value: Any) -> Any:
    """Return a configuration with one layer of each kind, narrow where nothing meets it."""
    if isinstance(value, dict):
        return {name: FEWER[name] if name in FEWER and item else fewer(item) for name, item in value.items()}
    return value


@pytest.mark.parametrize("family", FULL)
def test_parts_fit_together(family: str, tmp_path: Path) -> None:
    """Tests that text, steps and image of a published configuration, cut where parts do not meet, go through."""
    folder = build(family, tmp_path / family, width="full")
    for file in folder.glob("*/config.json"):
        config = fewer(json.loads(file.read_text()))
        if file.parent.name == "transformer":
            config["num_attention_heads"] = 2
            config["caption_projection_dim"] = 2 * config["attention_head_dim"]
        file.write_text(json.dumps(config))
    model = Model(ModelSpec(folder, dtype="bfloat16", weights="random"))
    ticket = model.admit(Ask(Request(0, Shape(64, 64), 2, 0.0, 1.0), "a lighthouse", 0))
    model.step([ticket])
    assert torch.isfinite(ticket.latents).all()
    assert model.decode(ticket)[0].size == (64, 64)
