"""Tiny pipelines stepped on groups that change, beside diffusers' own ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import diffusers
import torch
from torch import Tensor

from executor.models.model import Model
from executor.models.random_models.build import build
from executor.models.spec import Ask, ModelSpec
from executor.models.ticket import Ticket
from executor.sequence import SequenceParallel
from planner.request import Request
from profiles.shape import Shape
from tests.executor.distributed.squad import Member, Squad
from tests.executor.distributed.variants import FLUX2_INPUTS, flux2, flux2_klein, ltx, wan22

CPU = torch.device("cpu")
IMAGE = Shape(48, 80)
STEPS = 4
GROUPS = ((0,), (1, 0), (2, 0, 1), (0, 1))
"""Of each step: 15 tokens over two members, or 128 over three, leave something uneven; so does a text of 31."""


@dataclass(frozen=True)
class Served:
    """How a tiny pipeline is built and asked."""

    build: Callable[[Path], Path]
    shape: Shape = IMAGE
    text: int = 31
    inputs: dict[str, Any] = field(default_factory=dict)
    plain: dict[str, Any] = field(default_factory=dict)

    def spec(self, folder: Path) -> ModelSpec:
        """Return the specification of what was built."""
        return ModelSpec(folder, inputs={"max_sequence_length": self.text} | self.inputs)


PIPELINES = {
    "flux": Served(partial(build, "flux")),
    "flux2": Served(flux2, text=223, inputs=FLUX2_INPUTS),
    "flux2 klein": Served(partial(flux2_klein, distilled=True), inputs=FLUX2_INPUTS),
    "flux2 klein base": Served(partial(flux2_klein, distilled=False), inputs=FLUX2_INPUTS),
    "sd3": Served(partial(build, "sd3")),
    "qwen": Served(partial(build, "qwen"), plain={"negative_prompt": " "}),
    "wan": Served(partial(build, "wan"), Shape(48, 80, 5)),
    "wan 2.2": Served(wan22, Shape(48, 80, 5)),
    "ltx": Served(ltx, Shape(32, 32, 5)),
}


def admitted(stages: Model, shape: Shape, prompts: Sequence[str] = ("a cat",)) -> list[Ticket]:
    """Admit requests, the first with seed 3."""
    return [
        stages.admit(Ask(Request(i, shape, STEPS, 0.0, 1.0), prompt, i)) for i, prompt in enumerate(prompts, start=3)
    ]


def travel(squad: Squad, spec: ModelSpec, tickets: Sequence[Ticket]) -> None:
    """Do all steps of requests together, each on another group; all members must come to the same, to the bit."""
    for members in GROUPS:
        states = [(ticket.fixed(), ticket.moving()) for ticket in tickets]
        answers = squad.call(members, _step, spec, members, states)
        assert all(answer == answers[0] for answer in answers)
        for ticket, moving in zip(tickets, answers[0], strict=True):
            ticket.update(moving, CPU)


def _step(member: Member, spec: ModelSpec, members: tuple[int, ...], states: list[tuple[bytes, bytes]]) -> list[bytes]:
    """Do the next step of requests on a group; the model stays in the process."""
    if spec.folder not in member.kept:
        model = Model(spec, "denoise")
        member.kept[spec.folder] = model, [SequenceParallel(network) for network in model.transformers]
    model, parallel = member.kept[spec.folder]
    torch.randn(1 + member.rank)  # members' own generators differ
    tickets = [Ticket.restore(*state, CPU) for state in states]
    group = member.groups.get("plainly" + "-".join(map(str, members)), members)
    with parallel[0].over(group), parallel[-1].over(group):
        model.step(tickets)
    return [ticket.moving() for ticket in tickets]


def plain(case: Served, folder: Path, prompt: str = "a cat", seed: int = 3) -> tuple[Tensor, list[Any]]:
    """Return the latents and the frames of diffusers' own pipeline."""
    pipeline = diffusers.DiffusionPipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    return of_plain(pipeline, case, prompt, seed)


def of_plain(pipeline: Any, case: Served, prompt: str = "a cat", seed: int = 3) -> tuple[Tensor, list[Any]]:
    """Return the latents and the frames that a pipeline of diffusers makes."""
    steps: list[Tensor] = []

    def note(pipeline: Any, i: int, t: Tensor, given: dict[str, Tensor]) -> dict[str, Tensor]:
        steps.append(given["latents"])
        return {}

    frames = {"num_frames": case.shape.frames} if case.shape.frames > 1 else {}
    torch.manual_seed(seed)
    result = pipeline(
        prompt=prompt,
        height=case.shape.height,
        width=case.shape.width,
        num_inference_steps=STEPS,
        generator=torch.Generator().manual_seed(seed),
        callback_on_step_end=note,
        output_type="pil",
        max_sequence_length=case.text,
        **frames,
        **case.inputs,
        **case.plain,
    )
    return steps[-1], list(result.frames[0] if hasattr(result, "frames") else result.images)
