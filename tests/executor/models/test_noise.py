"""Schedulers that draw noise while they step, and those that need other timesteps than a request has steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from torch import Tensor

from executor.models.model import Model
from executor.models.noise import own_noise
from executor.models.random_models.build import build
from executor.models.spec import Ask, ModelSpec
from executor.models.ticket import Ticket
from planner.request import Request
from profiles.shape import Shape
from tests.executor.distributed.variants import wan22, with_scheduler

CPU = torch.device("cpu")
STOCHASTIC: list[tuple[str, dict[str, Any]]] = [
    ("FlowMatchEulerDiscreteScheduler", {"stochastic_sampling": True}),
    ("FlowMatchLCMScheduler", {}),
]


def _plain(folder: Path, seed: int, steps: int = 4, **extra: Any) -> Tensor:
    """Return the latents of diffusers' own pipeline, whose scheduler draws from the generator of the device."""
    pipeline = diffusers.DiffusionPipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    torch.manual_seed(seed)
    result = pipeline(
        "a cat",
        num_inference_steps=steps,
        generator=torch.Generator().manual_seed(seed),
        output_type="latent",
        **extra,
    )
    latents: Tensor = result.frames if hasattr(result, "frames") else result.images
    return latents


def _ask(seed: int, shape: Shape, steps: int = 4) -> Ask:
    return Ask(Request(seed, shape, steps, 0.0, 1.0), "a cat", seed)


@pytest.mark.parametrize(("scheduler", "config"), STOCHASTIC)
def test_stochastic_schedulers_equal_the_pipeline(tmp_path: Path, scheduler: str, config: dict[str, Any]) -> None:
    """Tests that a request that moves after every step, between others, ends as diffusers' pipeline alone does."""
    folder = with_scheduler(build("sd3", tmp_path), scheduler, shift=3.0, **config)
    model = Model(ModelSpec(folder, inputs={"max_sequence_length": 32}))
    tickets = [model.admit(_ask(seed, Shape(64, 96))) for seed in (3, 4)]
    for _ in range(4):
        torch.randn(5)  # somebody else draws from the generator of the device
        model.step(tickets[:1])
        model.step(tickets[1:])
        tickets = [Ticket.restore(ticket.fixed(), ticket.moving(), CPU) for ticket in tickets]
    for ticket in tickets:
        seed = 3 if ticket is tickets[0] else 4
        expected = _plain(folder, seed, height=64, width=96, max_sequence_length=32)
        torch.testing.assert_close(ticket.latents, expected, atol=5e-6, rtol=0)


def test_schedulers_that_draw_nothing_carry_a_seed() -> None:
    """Tests that a generator's state travels only where something was drawn, and that the device's own is untouched."""
    ticket = Ticket({}, {}, torch.zeros(1), None, 0, 5)
    before = torch.get_rng_state()
    with own_noise(ticket, CPU):
        pass
    assert ticket.noise == 5
    with own_noise(ticket, CPU):
        first = torch.randn(3)
    with own_noise(ticket, CPU):
        second = torch.randn(3)
    assert torch.equal(torch.get_rng_state(), before)
    assert isinstance(ticket.noise, Tensor)
    generator = torch.Generator().manual_seed(5)
    assert torch.equal(first, torch.randn(3, generator=generator))
    assert torch.equal(second, torch.randn(3, generator=generator))


@pytest.mark.parametrize(
    ("scheduler", "inputs", "message"),
    [
        (
            "PNDMScheduler",
            {},
            r"4 steps, but PNDMScheduler makes 13 timesteps of them; use a scheduler of one step each",
        ),
        (
            "FlowMatchEulerDiscreteScheduler",
            {"sigmas": [1.0, 0.5]},
            r"makes 2 timesteps of them with engine\.inputs\.sigmas",
        ),
    ],
)
def test_other_timesteps_than_steps(tmp_path: Path, scheduler: str, inputs: dict[str, Any], message: str) -> None:
    """Tests that a request that would be delivered unfinished, or run out of timesteps, is refused at admission."""
    model = Model(ModelSpec(with_scheduler(build("sd3", tmp_path), scheduler), inputs=inputs), "stages")
    with pytest.raises(ValueError, match=message):
        model.admit(_ask(0, Shape(64, 64)))


def test_sigmas_of_as_many_steps(tmp_path: Path) -> None:
    """Tests that sigmas, where there are as many as steps, are those of diffusers' pipeline."""
    sigmas = [1.0, 0.7, 0.4, 0.2]
    folder = with_scheduler(build("flux", tmp_path), "FlowMatchEulerDiscreteScheduler")
    model = Model(ModelSpec(folder, inputs={"sigmas": sigmas, "max_sequence_length": 32}))
    ticket = model.admit(_ask(3, Shape(64, 96)))
    for _ in range(4):
        model.step([ticket])
    expected = _plain(folder, 3, height=64, width=96, max_sequence_length=32, sigmas=sigmas)
    assert torch.equal(ticket.latents.view(-1), expected.view(-1))


@pytest.mark.parametrize("second", [None, 2.0])
def test_two_transformers(second: float | None, tmp_path: Path) -> None:
    """Tests that Wan 2.2 equals the pipeline, for requests given together at different transformers and at the same step."""
    folder = wan22(tmp_path)
    spec = ModelSpec(folder, guidance=5.0, inputs={"max_sequence_length": 32}, guidance_2=second)
    stages, model = Model(spec, "stages"), Model(spec, "denoise")
    assert len(model.transformers) == 2
    assert all(parameter.is_meta for network in stages.transformers for parameter in network.parameters())
    tickets = [stages.admit(_ask(seed, Shape(32, 48, 5), 6)) for seed in (3, 4)]
    calls = [0, 0]
    for i, network in enumerate(model.transformers):
        network.register_forward_hook(lambda *_, i=i: calls.__setitem__(i, calls[i] + 1))
    model.step(tickets[:1])
    model.step(tickets[:1])
    for _ in range(2):
        model.step(tickets)
    model.step(tickets[1:])
    model.step(tickets[1:])
    assert min(calls) > 0
    before = sum(calls)
    for _ in range(2):
        model.step(tickets)
    assert sum(calls) - before == 4  # guided, and one batch each
    for seed, ticket in zip((3, 4), tickets, strict=True):
        extra = {"height": 32, "width": 48, "num_frames": 5, "max_sequence_length": 32, "guidance_scale": 5.0}
        expected = _plain(folder, seed, 6, **extra, guidance_scale_2=second)
        torch.testing.assert_close(ticket.latents, expected, atol=1e-5, rtol=0)
