"""Folders of pipelines that are not what `random_models` builds: other schedulers, two transformers, missing parts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import diffusers
import torch

from executor.distributed.random_models.build import build


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
