"""Decoding tile by tile: the frames of diffusers' pipeline that does the same, in less memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from executor.models import loading
from executor.models.model import Model
from executor.models.random_models.build import build
from executor.models.spec import ModelError, ModelSpec
from executor.models.ticket import Ticket
from profiles.shape import Shape
from tests.executor.distributed.plainly import PIPELINES, admitted, of_plain

LARGE = {
    "flux": Shape(96, 128),
    "flux2 klein": Shape(96, 128),
    "sd3": Shape(96, 128),
    "qwen": Shape(32, 288),
    "wan": Shape(32, 288, 5),
    "ltx": Shape(32, 544, 5),
}
"""Shapes beyond the tile of the autoencoder."""


class Largest(TorchDispatchMode):
    """Notes the bytes of the largest tensor that anything inside makes."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Look at what comes out."""
        made = function(*args, **(kwargs or {}))
        if isinstance(made, Tensor):
            self.bytes = max(self.bytes, made.numel() * made.element_size())
        return made


def _finished(model: Model, shape: Shape) -> Ticket:
    """Return a request after its steps."""
    (ticket,) = admitted(model, shape)
    for _ in range(ticket.steps):
        model.step([ticket])
    return ticket


@pytest.mark.parametrize("name", LARGE)
def test_equal_to_diffusers(name: str, tmp_path: Path) -> None:
    """Tests that frames are those of the pipeline whose autoencoder tiles, to one grey level, and not those of one piece."""
    case = replace(PIPELINES[name], shape=LARGE[name])
    spec = case.spec(case.build(tmp_path / "model"))
    model = Model(replace(spec, vae_tiling=True))
    ticket = _finished(model, case.shape)
    pipeline = diffusers.DiffusionPipeline.from_pretrained(spec.folder)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.vae.enable_tiling()
    _, expected = of_plain(pipeline, case)
    whole = Model(spec, "stages").decode(ticket)
    frames = model.decode(ticket)
    pairs = [(np.asarray(a, int), np.asarray(b, int)) for a, b in zip(frames, expected, strict=True)]
    assert max(np.abs(one - other).max() for one, other in pairs) <= 1
    assert max(np.abs(np.asarray(a, int) - np.asarray(b, int)).max() for a, b in zip(frames, whole, strict=True)) > 1


def test_less_memory(tmp_path: Path) -> None:
    """Tests that what a decode holds at a time does not grow with the image: the largest tensor is a tile's, or the image."""
    folder = build("flux", tmp_path)
    largest: dict[tuple[bool, int], int] = {}
    for tiling in (False, True):
        model = Model(ModelSpec(folder, inputs={"max_sequence_length": 16}, vae_tiling=tiling), "stages")
        for side in (128, 256):
            (ticket,) = admitted(model, Shape(side, side))
            with Largest() as noted:
                model.decode(ticket)
            largest[tiling, side] = noted.bytes
    image = 4 * 3 * 256 * 256
    assert largest[False, 256] == 4 * largest[False, 128] > 4 * image
    assert largest[True, 256] <= max(largest[True, 128], image)


def test_an_autoencoder_that_cannot_tile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that tiling is refused by name where the autoencoder has no tiles, and only then."""
    folder = build("flux", tmp_path)
    load = loading._load_part

    def plain_module(spec: ModelSpec, pipeline: Any, name: str, device: torch.device) -> Any:
        return nn.Identity() if name == "vae" else load(spec, pipeline, name, device)

    monkeypatch.setattr(loading, "_load_part", plain_module)
    with pytest.raises(ModelError, match=r"engine\.vae_tiling is true, but Identity cannot tile; leave it out"):
        Model(ModelSpec(folder, vae_tiling=True), "stages")
