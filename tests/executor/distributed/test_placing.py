"""Who is on which GPU with which weights, and what is refused before they are loaded."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from executor.distributed.budget import CONTEXT
from executor.distributed.config import EngineConfig, EngineError
from executor.distributed.controller import crew
from executor.distributed.controller.crew import Crew
from executor.distributed.placing import held_bytes, placed, places_of, roles_of, shared, those
from executor.models.model import Model
from executor.models.random_models.build import build
from executor.models.spec import ModelSpec, Role
from tests.executor.distributed.serving import cluster_of, spec_of


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> EngineConfig:
    """Build a tiny FLUX, in float32, whose text encoders are on GPUs."""
    spec = spec_of(build("flux", tmp_path_factory.mktemp("placing") / "flux"))
    return EngineConfig(spec, device="cuda", offload=False)


def test_places() -> None:
    """Tests that workers for stages are on GPUs of their own where there are some, and share in turn where there are none."""
    assert places_of(4, 1, 4) == [0, 1, 2, 3, 0]
    assert places_of(2, 3, 2) == [0, 1, 0, 1, 0]
    assert places_of(3, 1, 4) == [0, 1, 2, 3]
    assert places_of(2, 3, 4) == [0, 1, 2, 3, 2]
    assert shared(places_of(2, 3, 2), 2) == {0: [0, 2, 4], 1: [1, 3]}
    assert shared(places_of(2, 3, 4), 2) == {}
    assert those([0, 2, 4], 2) == "worker 0 and worker 2 for stages and worker 4 for stages"


def test_roles(config: EngineConfig) -> None:
    """Tests that workers for stages come last, and that who decodes changes what the others are."""
    assert roles_of(replace(config, stage_workers=2), 2) == ["denoise", "denoise", "stages", "stages"]
    assert roles_of(replace(config, decode="group"), 1) == ["denoise and decode", "stages"]


def _loaded(model: ModelSpec, role: Role) -> int:
    """Return the bytes that a worker has loaded."""
    parts = Model(model, role)._pipeline.components.values()
    found = [each for part in parts if isinstance(part, nn.Module) for each in (*part.parameters(), *part.buffers())]
    return sum(each.numel() * each.element_size() for each in found if not each.is_meta)


@pytest.fixture(scope="module", params=["flux", "sd3", "qwen", "wan"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a tiny model of a family."""
    return build(request.param, tmp_path_factory.mktemp("held") / request.param)


@pytest.mark.parametrize("role", ["denoise", "denoise and decode", "stages"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("weights", ["load", "random"])
def test_weights_are_those_that_are_loaded(role: Role, dtype: Any, weights: Any, folder: Path, tmp_path: Path) -> None:
    """Tests that a role is said to hold what it holds once loaded, hardly less (Wan keeps some in float32) and never more."""
    if weights == "random":
        folder = shutil.copytree(folder, tmp_path / folder.name, ignore=shutil.ignore_patterns("*.safetensors"))
    model = ModelSpec(folder, dtype, weights)
    held, loaded = held_bytes(model, role), _loaded(model, role)
    assert 0.85 * loaded < held <= loaded


def test_what_rests_in_host_memory_is_not_held(folder: Path) -> None:
    """Tests that of a worker for stages with resting text encoders, the autoencoder counts alone, and steps as before."""
    model = ModelSpec(folder)
    resting = replace(model, offload=True)
    images = held_bytes(model, "denoise and decode") - held_bytes(model, "denoise")
    assert 0 < held_bytes(resting, "stages") == images < held_bytes(model, "stages")
    assert held_bytes(resting, "denoise and decode") == held_bytes(model, "denoise and decode")


def _needed(config: EngineConfig, *roles: Role) -> int:
    return sum(held_bytes(config.model, role) + CONTEXT for role in roles)


def test_text_encoders_rest_where_they_do_not_fit(config: EngineConfig) -> None:
    """Tests that they are on a GPU if there is room, in host memory if there is not, and where one says, always."""
    free = replace(config, offload=None)
    both = _needed(config, "denoise", "stages")
    rest = _needed(replace(config, model=replace(config.model, offload=True)), "denoise", "stages")
    assert [placed(free, 1, [total]).model.offload for total in (both, both - 1, rest)] == [False, True, True]
    assert placed(replace(config, offload=True), 1, [both]).model.offload
    with pytest.raises(
        EngineError, match=r"as float32 with text encoders in host memory, before any step: use engine\.dtype"
    ):
        placed(free, 1, [rest - 1])
    with pytest.raises(EngineError, match=r"as float32, before any step: use engine\.offload=true, or engine\.dtype"):
        placed(config, 1, [both - 1])
    assert [placed(replace(config, offload=said), 1, []).model.offload for said in (None, False, True)] == [
        False,
        False,
        True,
    ]


def test_what_fits_on_no_gpu_is_refused(config: EngineConfig) -> None:
    """Tests that the refusal names the GPU, who is on it, what is needed, what is there, and what would help."""
    both = _needed(config, "denoise", "stages")
    placed(config, 2, [both, both])
    words = (
        r"^cuda:0 has \d+ MiB, but worker 0 and worker 2 for stages take \d+ MiB there to hold flux as float32, before any "
        r"step: use engine\.offload=true, or engine\.dtype=bfloat16, or engine\.workers=1, so that those for stages have "
        r"GPUs of their own, or a "
    )
    with pytest.raises(EngineError, match=words):
        placed(config, 2, [both - 1, both])
    placed(config, 2, [both, _needed(config, "denoise")])
    with pytest.raises(EngineError, match=r"^cuda:1 has \d+ MiB, but worker 1 take"):
        placed(config, 2, [both, _needed(config, "denoise") - 1])
    placed(config, 1, [_needed(config, "denoise"), _needed(config, "stages")])


def test_remedies_are_those_that_are_open(config: EngineConfig) -> None:
    """Tests that only what would change something is advised."""
    narrow = replace(config, model=replace(config.model, dtype="bfloat16"))
    with pytest.raises(
        EngineError, match=r"before any step: use engine\.offload=true, or a smaller model or larger GPUs$"
    ):
        placed(narrow, 1, [1])
    with pytest.raises(
        EngineError,
        match=r": use engine\.offload=true, or engine\.decode=workers, or engine\.stage_workers=1, or a smaller",
    ):
        placed(replace(narrow, decode="group", stage_workers=2), 1, [1])


def test_what_decodes_needs_more(config: EngineConfig) -> None:
    """Tests that each worker's autoencoder counts where groups decode."""
    exactly = [_needed(config, "denoise", "stages")] * 2
    placed(config, 2, exactly)
    with pytest.raises(EngineError, match=r"engine\.decode=workers"):
        placed(replace(config, decode="group"), 2, exactly)


def test_refused_before_a_worker_starts(config: EngineConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that the crew asks CUDA what there is, and refuses before any process is made."""
    monkeypatch.setattr(crew, "cuda_bytes", lambda: (CONTEXT, CONTEXT))
    monkeypatch.setattr(crew, "transport_of", lambda *_: pytest.fail("a worker was about to start"))
    with pytest.raises(EngineError, match=r"^cuda:0 has 400 MiB, but worker 0 and worker 2 for stages"):
        Crew(config, cluster_of(2))
