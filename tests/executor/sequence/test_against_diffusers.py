"""Our sequence parallelism against diffusers' own context parallelism, where that works."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor

from executor.sequence import SequenceParallel
from tests.executor.distributed.bench import against_diffusers
from tests.executor.distributed.squad import Member, Squad
from tests.executor.distributed.zoo import CASES, SIZE

EVEN = {"flux": (36, 4), "flux2": (36, 4), "qwen": (36, 4), "wan": (4, 2, 6, 8), "ltx": (32, 4)}
"""Latents whose tokens two members can share evenly, which diffusers needs."""

_IMAGE = torch.cartesian_prod(torch.zeros(1), torch.arange(6.0), torch.arange(6.0))
_INPUTS: dict[str, dict[str, Any]] = {
    "flux": {"img_ids": _IMAGE, "txt_ids": torch.zeros(8, 3)},
    "flux2": {
        "img_ids": torch.nn.functional.pad(_IMAGE, (0, 1))[None],
        "txt_ids": torch.nn.functional.pad(torch.arange(8.0)[:, None], (3, 0))[None],
    },
    "qwen": {"img_shapes": [[(1, 6, 6)]]},
    "ltx": {"num_frames": 2, "height": 4, "width": 4},
}


@pytest.fixture(scope="module")
def pair() -> Iterator[Squad]:
    """Start two processes of their own: diffusers' context parallelism stays switched on in a process."""
    made = Squad(2)
    yield made
    made.close()


def test_same_output(pair: Squad, tmp_path: Path) -> None:
    """Tests that at degree 2, with even lengths, both give the same output on both members."""
    for _, _, difference in pair.call((0, 1), against_diffusers, str(tmp_path / "store"), "tiny", 3):
        assert difference <= 1e-6


def both(member: Member, path: str, name: str) -> tuple[Tensor, Tensor]:
    """Return our output at degree 2, and diffusers'."""
    from diffusers import ContextParallelConfig

    store = dist.FileStore(path, 2)
    count = torch.accelerator.device_count
    torch.accelerator.device_count = lambda: 2
    dist.init_process_group("gloo", store=store, rank=member.rank, world_size=2)
    try:
        narrower = {"num_attention_heads": 4} | ({"cross_attention_dim": 4 * SIZE} if name == "ltx" else {})
        case = replace(CASES[name], config=CASES[name].config | narrower)
        ours, theirs = case.build(), case.build()
        theirs.enable_parallelism(config=ContextParallelConfig(ulysses_degree=2))  # type: ignore[operator]
        generator = torch.Generator().manual_seed(1)
        inputs = case.inputs(1, generator) | {"hidden_states": torch.randn(1, *EVEN[name], generator=generator)}
        text = inputs["encoder_hidden_states"]
        inputs["encoder_hidden_states"] = torch.cat([text, text[:, :1]], 1)
        inputs |= {key: None for key in inputs if key.endswith("mask")}  # diffusers cannot split a mask
        inputs |= _INPUTS.get(name, {})
        with torch.no_grad():
            with SequenceParallel(ours).over(member.groups.get("pair", (0, 1))):
                mine = ours(return_dict=False, **inputs)[0]
            return mine, theirs(return_dict=False, **inputs)[0] + 0.0  # its last collective is waited for when used
    finally:
        dist.destroy_process_group()
        torch.accelerator.device_count = count


@pytest.mark.parametrize("name", EVEN)
def test_other_models(pair: Squad, tmp_path: Path, name: str) -> None:
    """Tests that models for which diffusers has a plan give the same with its plan and with ours."""
    for mine, theirs in pair.call((0, 1), both, str(tmp_path / "store"), name):
        assert mine.std() > 0.01
        torch.testing.assert_close(mine, theirs, atol=2e-6, rtol=0)
