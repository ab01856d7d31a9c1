"""Every pipeline that is served gives, on groups that change at each step, what diffusers' own one gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from diffusers.modular_pipelines.modular_pipeline import MODULAR_PIPELINE_MAPPING
from torch import Tensor

from executor.models.folder import SERVED, pipeline_of
from executor.models.model import Model
from executor.models.random_models.build import build
from executor.models.spec import Ask, ModelSpec
from executor.models.ticket import Ticket
from executor.sequence import PLANS, SequenceParallel
from planner.request import Request
from profiles.shape import Shape
from tests.executor.distributed.squad import Member, Squad
from tests.executor.distributed.variants import FLUX2_INPUTS, flux2, flux2_klein, ltx, wan22

CPU = torch.device("cpu")
IMAGE = Shape(48, 80)
STEPS = 4
GROUPS = ((0,), (1, 0), (2, 0, 1), (0, 1))
"""Of each step: 15 tokens over two members and a text of 31 leave something uneven in each."""


@dataclass(frozen=True)
class Served:
    """How a tiny pipeline is built and asked."""

    build: Callable[[Path], Path]
    shape: Shape = IMAGE
    text: int = 31
    inputs: dict[str, Any] = field(default_factory=dict)
    plain: dict[str, Any] = field(default_factory=dict)


PIPELINES = {
    "flux": Served(partial(build, "flux")),
    "flux2": Served(flux2, text=223, inputs=FLUX2_INPUTS),
    "flux2 klein": Served(partial(flux2_klein, distilled=True), inputs=FLUX2_INPUTS),
    "flux2 klein base": Served(partial(flux2_klein, distilled=False), inputs=FLUX2_INPUTS),
    "sd3": Served(partial(build, "sd3")),
    "qwen": Served(partial(build, "qwen"), plain={"negative_prompt": " "}),
    "wan": Served(partial(build, "wan"), Shape(48, 80, 5)),
    "wan 2.2": Served(wan22, Shape(48, 80, 5)),
    "ltx": Served(ltx, Shape(96, 160, 9)),
}


def _step(member: Member, folder: Path, inputs: dict[str, Any], members: tuple[int, ...], state: list[bytes]) -> bytes:
    """Do a request's next step on a group; the model stays in the process."""
    if folder not in member.kept:
        model = Model(ModelSpec(folder, inputs=inputs), "denoise")
        member.kept[folder] = model, [SequenceParallel(network) for network in model.transformers]
    model, parallel = member.kept[folder]
    ticket = Ticket.restore(state[0], state[1], CPU)
    group = member.groups.get("pipelines" + "-".join(map(str, members)), members)
    with parallel[0].over(group), parallel[-1].over(group):
        model.step([ticket])
    return ticket.moving()


def _plain(folder: Path, case: Served, inputs: dict[str, Any]) -> tuple[Tensor, list[Any]]:
    """Return the latents and the frames of diffusers' own pipeline."""
    pipeline = diffusers.DiffusionPipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    steps: list[Tensor] = []
    if case.shape.frames > 1:
        inputs = inputs | {"num_frames": case.shape.frames}
    result = pipeline(
        prompt="a cat",
        height=case.shape.height,
        width=case.shape.width,
        num_inference_steps=STEPS,
        generator=torch.Generator().manual_seed(3),
        callback_on_step_end=lambda pipeline, i, t, given: steps.append(given["latents"]) or {},
        output_type="pil",
        **inputs,
        **case.plain,
    )
    frames = result.frames[0] if hasattr(result, "frames") else result.images
    return steps[-1], list(frames)


@pytest.mark.parametrize("name", PIPELINES)
def test_groups_of_one_to_three(squad: Squad, name: str, tmp_path: Path) -> None:
    """Tests that latents and frames are the plain pipeline's where tokens are unevenly shared, and roles apart."""
    case = PIPELINES[name]
    folder, inputs = case.build(tmp_path / "model"), {"max_sequence_length": case.text} | case.inputs
    stages = Model(ModelSpec(folder, inputs=inputs), "stages")
    ticket = stages.admit(Ask(Request(0, case.shape, STEPS, 0.0, 1.0), "a cat", 3))
    for members in GROUPS:
        states = squad.call(members, _step, folder, inputs, members, [ticket.fixed(), ticket.moving()])
        assert all(state == states[0] for state in states)
        ticket.update(states[0], CPU)
    latents, expected = _plain(folder, case, inputs)
    torch.testing.assert_close(ticket.latents.reshape(-1), latents.reshape(-1), atol=1e-5, rtol=0)
    frames = stages.decode(ticket)
    assert len(frames) == len(expected) == case.shape.frames
    for frame, other in zip(frames, expected, strict=True):
        assert np.abs(np.asarray(frame, int) - np.asarray(other, int)).max() <= 1


def test_every_pipeline_is_tested(tmp_path: Path) -> None:
    """Tests that there is a case for each pipeline that is served."""
    assert {pipeline_of(case.build(tmp_path / name)) for name, case in PIPELINES.items()} == set(SERVED)


def _transformers_of_modular_pipelines() -> set[str]:
    """Return the classes of transformers that any of diffusers' modular pipelines runs."""
    found = set()
    for family, choose in MODULAR_PIPELINE_MAPPING.items():
        blocks = getattr(diffusers, getattr(diffusers, choose()).default_blocks_name, None)
        assert blocks is not None, family
        parts = blocks().expected_components
        found |= {getattr(part.type_hint, "__name__", "") for part in parts if part.name.startswith("transformer")}
    return found


def test_plans_that_no_pipeline_serves() -> None:
    """Tests that the page names exactly the plans whose transformers no modular pipeline of diffusers runs."""
    alone = set(PLANS) - _transformers_of_modular_pipelines()
    page = (Path(__file__).parents[3] / "docs" / "executor.md").read_text()
    said = page.split("The plans for ")[1].split(" serve `SequenceParallel` alone")[0]
    names = said.replace(",", " ").replace(" and ", " ").split()
    assert sorted(plan.split("Transformer")[0] for plan in alone) == sorted(names)
