"""Pipelines other than those that `random_models` builds give what diffusers gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from torch import Tensor

from executor.models.model import Model
from executor.models.random_models.build import build
from executor.models.spec import Ask, ModelSpec
from executor.models.ticket import Ticket
from planner.request import Request
from profiles.shape import Shape
from tests.executor.distributed.variants import ltx, with_scheduler

STEPS = 5


def _served(spec: ModelSpec, shape: Shape) -> Tensor:
    """Return final latents; the state is packed and restored after each step, as between groups."""
    model = Model(spec)
    ticket = model.admit(Ask(Request(0, shape, STEPS, 0.0, 1.0), "a cat", 3))
    for _ in range(STEPS):
        model.step([ticket])
        ticket = Ticket.restore(ticket.fixed(), ticket.moving(), torch.device("cpu"))
    return ticket.latents.view(-1)


def _plain(folder: Path, shape: Shape, **more: Any) -> Tensor:
    pipeline = diffusers.DiffusionPipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    generator = torch.Generator().manual_seed(3)
    size = {"height": shape.height, "width": shape.width}
    made = pipeline(
        "a cat", num_inference_steps=STEPS, generator=generator, output_type="latent", return_dict=False, **size, **more
    )
    latents: Tensor = made[0]
    return latents.reshape(-1)


@pytest.mark.parametrize(
    ("family", "shape", "inputs"),
    [("sd3", Shape(64, 96), {"max_sequence_length": 32}), ("wan", Shape(32, 48, 5), {"max_sequence_length": 32})],
)
@pytest.mark.parametrize("order", [1, 2, 3])
def test_dpm_solver(family: str, shape: Shape, inputs: dict[str, int], order: int, tmp_path: Path) -> None:
    """Tests that DPM-Solver++ of every order, whose past predictions travel along, gives the pipeline's latents."""
    folder = with_scheduler(
        build(family, tmp_path),
        "DPMSolverMultistepScheduler",
        algorithm_type="dpmsolver++",
        solver_order=order,
        prediction_type="flow_prediction",
        use_flow_sigmas=True,
        flow_shift=3.0,
    )
    more = {"num_frames": shape.frames} if family == "wan" else {}
    expected = _plain(folder, shape, **inputs, **more)
    torch.testing.assert_close(_served(ModelSpec(folder, inputs=inputs), shape), expected, atol=2e-5, rtol=0)


def test_ltx(tmp_path: Path) -> None:
    """Tests that LTX-Video, whose pipeline no other test serves, gives the pipeline's latents."""
    folder, shape = ltx(tmp_path / "ltx"), Shape(64, 96, 9)
    expected = _plain(folder, shape, num_frames=9, max_sequence_length=32)
    served = _served(ModelSpec(folder, inputs={"max_sequence_length": 32}), shape)
    assert served.shape == expected.shape
    torch.testing.assert_close(served, expected, atol=2e-5, rtol=0)
