"""Schedulers that users put into a folder: what a group makes is what the plain pipeline makes, or they are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch

from executor.models.folder import TWICE_A_STEP
from executor.models.model import Model
from executor.models.random_models.build import build
from executor.models.spec import ModelError, ModelSpec
from tests.executor.distributed.plainly import PIPELINES, admitted, plain, travel
from tests.executor.distributed.squad import Squad
from tests.executor.distributed.variants import with_scheduler

_FLOW = {"prediction_type": "flow_prediction", "use_flow_sigmas": True, "flow_shift": 3.0}

EVERYWHERE: dict[str, tuple[str, dict[str, Any]]] = {
    "lcm": ("FlowMatchLCMScheduler", {}),
    "stochastic euler": ("FlowMatchEulerDiscreteScheduler", {"stochastic_sampling": True}),
    "unipc": ("UniPCMultistepScheduler", _FLOW),
    "unipc of order 3": ("UniPCMultistepScheduler", _FLOW | {"solver_order": 3}),
}
"""Schedulers that every family's pipeline takes."""

SOME: dict[str, tuple[str, dict[str, Any]]] = {
    "dpm++": ("DPMSolverMultistepScheduler", _FLOW),
    "dpm++ sde": ("DPMSolverMultistepScheduler", _FLOW | {"algorithm_type": "sde-dpmsolver++"}),
    "dpm++ singlestep": ("DPMSolverSinglestepScheduler", _FLOW),
    "deis": ("DEISMultistepScheduler", _FLOW),
    "ancestral euler": ("EulerAncestralDiscreteScheduler", {}),
    "ancestral euler of ltx": ("LTXEulerAncestralRFScheduler", {}),
}
"""Those that pipelines refuse which shift timesteps by the size of the image."""

_SHIFTED = ("flux", "qwen", "ltx")
CASES = [(family, name) for family in (*_SHIFTED, "sd3") for name in EVERYWHERE]
CASES += [("sd3", name) for name in SOME]
CASES += [("wan", name) for name in ("lcm", "dpm++", "dpm++ sde", "ancestral euler")]


def _folder(folder: Path, family: str, name: str) -> Path:
    scheduler, config = (EVERYWHERE | SOME)[name]
    if family in _SHIFTED and scheduler == "FlowMatchEulerDiscreteScheduler":
        config = config | {"use_dynamic_shifting": True}
    return with_scheduler(PIPELINES[family].build(folder), scheduler, **config)


@pytest.mark.parametrize(("family", "name"), CASES)
def test_equal_to_the_plain_pipeline(squad: Squad, family: str, name: str, tmp_path: Path) -> None:
    """Tests that history and noise of a scheduler are one request's own, on groups that change at each step."""
    case = PIPELINES[family]
    spec = case.spec(_folder(tmp_path / "model", family, name))
    tickets = admitted(Model(spec, "stages"), case.shape, ("a cat", "a dog"))
    travel(squad, spec, tickets)
    for seed, (prompt, ticket) in enumerate(zip(("a cat", "a dog"), tickets, strict=True), start=3):
        latents, _ = plain(case, spec.folder, prompt, seed)
        tolerance = 2e-5 * max(1.0, float(latents.std()))
        torch.testing.assert_close(ticket.latents.reshape(-1), latents.reshape(-1), atol=tolerance, rtol=0)


@pytest.mark.parametrize("name", TWICE_A_STEP)
def test_two_evaluations_a_step_are_refused(name: str, tmp_path: Path) -> None:
    """Tests that a scheduler of which a request would be unfinished after its steps is refused before any worker starts."""
    folder = with_scheduler(build("sd3", tmp_path), "FlowMatchHeunDiscreteScheduler")
    index = folder / "model_index.json"
    index.write_text(index.read_text().replace("FlowMatchHeunDiscreteScheduler", name))
    with pytest.raises(ModelError, match=rf"'scheduler' is {name}, which asks the model twice for a step: .*use a"):
        ModelSpec(folder)


def _order(name: str) -> int:
    """Return how often a scheduler asks the model in a step; one whose library is missing cannot be asked."""
    try:
        return int(getattr(getattr(diffusers, name), "order", 1))
    except ImportError:
        return 2 if name == "DPMSolverSDEScheduler" else 1


def test_all_that_ask_twice_are_known() -> None:
    """Tests that the list of refused schedulers is that of diffusers' schedulers of second order."""
    found = {name for name in dir(diffusers) if name.endswith("Scheduler") and _order(name) > 1}
    assert found == set(TWICE_A_STEP)


def test_a_state_that_cannot_travel_is_refused(tmp_path: Path) -> None:
    """Tests that a scheduler whose state cannot go to another worker ends the loading, with its name."""
    folder = with_scheduler(build("sd3", tmp_path), "SASolverScheduler", **_FLOW)
    with pytest.raises(ModelError, match=r"'scheduler' is SASolverScheduler, whose state cannot go .*use another"):
        Model(ModelSpec(folder), "stages")
