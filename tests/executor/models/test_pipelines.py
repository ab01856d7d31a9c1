"""Every pipeline that is served gives, on groups that change at each step, what diffusers' own one gives."""

from __future__ import annotations

from pathlib import Path

import diffusers
import numpy as np
import pytest
import torch
from diffusers.modular_pipelines.modular_pipeline import MODULAR_PIPELINE_MAPPING

from executor.models.folder import SERVED, pipeline_of
from executor.models.model import Model
from executor.sequence import PLANS
from tests.executor.distributed.plainly import PIPELINES, admitted, plain, travel
from tests.executor.distributed.squad import Squad


@pytest.mark.parametrize("name", PIPELINES)
def test_groups_of_one_to_three(squad: Squad, name: str, tmp_path: Path) -> None:
    """Tests that latents and frames are the plain pipeline's where tokens are unevenly shared, and roles apart."""
    case = PIPELINES[name]
    spec = case.spec(case.build(tmp_path / "model"))
    stages = Model(spec, "stages")
    (ticket,) = admitted(stages, case.shape)
    travel(squad, spec, [ticket])
    latents, expected = plain(case, spec.folder)
    torch.testing.assert_close(ticket.latents.reshape(-1), latents.reshape(-1), atol=1e-5, rtol=0)
    frames = stages.decode(ticket)
    assert len(frames) == len(expected) == case.shape.frames
    for frame, other in zip(frames, expected, strict=True):
        assert np.abs(np.asarray(frame, int) - np.asarray(other, int)).max() <= 1


@pytest.mark.parametrize("name", PIPELINES)
def test_batches_of_unlike_prompts(squad: Squad, name: str, tmp_path: Path) -> None:
    """Tests that requests of short, long and as long prompts, stepped together, are each what the plain pipeline makes."""
    case = PIPELINES[name]
    spec = case.spec(case.build(tmp_path / "model"))
    prompts = ("a cat", "an owl in the fog", "a dog")
    tickets = admitted(Model(spec, "stages"), case.shape, prompts)
    travel(squad, spec, tickets)
    for seed, (prompt, ticket) in enumerate(zip(prompts, tickets, strict=True), start=3):
        latents, _ = plain(case, spec.folder, prompt, seed)
        torch.testing.assert_close(ticket.latents.reshape(-1), latents.reshape(-1), atol=1e-5, rtol=0)


def test_every_pipeline_is_tested(tmp_path: Path) -> None:
    """Tests that there is a case for each pipeline that is served."""
    assert {pipeline_of(case.build(tmp_path / name)) for name, case in PIPELINES.items()} == set(SERVED)


def _transformers_of_modular_pipelines() -> set[str]:
    """Return the classes of transformers that any of diffusers' modular pipelines runs."""
    found = set()
    for choose in MODULAR_PIPELINE_MAPPING.values():
        blocks = getattr(diffusers, getattr(diffusers, choose()).default_blocks_name)
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
