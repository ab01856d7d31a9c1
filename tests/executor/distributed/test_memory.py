"""Host memory, told and refused before the start."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from executor.distributed.config import EngineConfig, EngineError
from executor.distributed.controller import crew
from executor.distributed.controller.crew import Crew
from executor.distributed.memory import check_memory, free_memory, in_words, needed_memory
from executor.models.random_models.build import build
from executor.models.spec import TEXT_ENCODERS, ModelSpec
from executor.models.weights import weights_of
from tests.executor.distributed.serving import cluster_of, spec_of


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> EngineConfig:
    """Build a tiny FLUX, in float32."""
    return EngineConfig(spec_of(build("flux", tmp_path_factory.mktemp("memory") / "flux")))


def test_needed_by_workers(config: EngineConfig) -> None:
    """Tests that weights count once where they are used as they lie, and for each worker where they are converted."""
    folder = config.model.folder
    steps = weights_of(folder, ["transformer"], "float32").mapped
    stages = weights_of(folder, ["text_encoder", "text_encoder_2", "vae"], "float32").mapped
    assert steps > 0 and stages > 0
    assert needed_memory(config, 4) == steps + stages
    narrow = replace(config, model=replace(config.model, dtype="bfloat16"), stage_workers=2)
    assert needed_memory(narrow, 4) == pytest.approx(4 * steps / 2 + 2 * stages / 2, rel=0.01)


def test_groups_that_decode_take_more(config: EngineConfig) -> None:
    """Tests that each worker's autoencoder counts where it is converted, and that the refusal says so."""
    narrow = replace(config, model=replace(config.model, dtype="bfloat16"))
    images = weights_of(config.model.folder, ["vae"], "bfloat16").made
    assert images > 0
    decoding = replace(narrow, decode="group")
    assert needed_memory(decoding, 4) == needed_memory(narrow, 4) + 4 * images
    assert needed_memory(replace(config, decode="group"), 4) == needed_memory(config, 4)
    with pytest.raises(EngineError, match="4 workers, each with the autoencoder, and 1 for stages take"):
        check_memory(decoding, 4, 1)


def _of_files(pid: int, field: str) -> int:
    """Return the bytes of a field of all mappings of weights of the transformer in a process."""
    found, inside = 0, False
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        name, *rest = line.split()
        if not name.endswith(":"):
            inside = "transformer/" in line and line.endswith(".safetensors")
        elif inside and name == f"{field}:":
            found += 1024 * int(rest[0])
    return found


@pytest.mark.parametrize(("dtype", "mapped"), [("float32", True), ("bfloat16", False)])
def test_weights_are_used_as_they_lie(dtype: Any, mapped: bool, config: EngineConfig) -> None:
    """Tests that workers map weights of the type that is asked for and change none, so that all of them share the memory."""
    with Crew(replace(config, model=replace(config.model, dtype=dtype)), cluster_of(2)) as made:
        pids = [link.pid for link in made.fleet._links[:2]]  # type: ignore[attr-defined]
        assert [_of_files(pid, "Size") > 0 for pid in pids] == [mapped, mapped]
        assert [_of_files(pid, "Private_Dirty") for pid in pids] == [0, 0]


def test_needed_to_fill_gpus(config: EngineConfig) -> None:
    """Tests that on GPUs only conversion takes host memory, and random weights none."""
    assert needed_memory(replace(config, device="cuda"), 4) == 0
    narrow = replace(config, device="cuda", model=replace(config.model, dtype="bfloat16"))
    assert needed_memory(narrow, 4) > 3.9 * needed_memory(narrow, 1) / 2 > 0
    assert needed_memory(replace(narrow, model=replace(narrow.model, weights="random")), 4) == 0


def test_text_encoders_that_rest_here_count(config: EngineConfig) -> None:
    """Tests that text encoders that rest in host memory take theirs of it: once where all map their files, else each."""
    resting = replace(config, device="cuda", model=replace(config.model, offload=True))
    texts = sum(weights_of(config.model.folder, TEXT_ENCODERS, "float32"))
    assert needed_memory(resting, 4) == needed_memory(replace(resting, stage_workers=2), 4) == texts > 0
    random = replace(resting, model=replace(resting.model, weights="random"))
    assert needed_memory(replace(random, stage_workers=2), 4) == 2 * needed_memory(random, 4)
    assert needed_memory(random, 4) == pytest.approx(texts, rel=0.1)


def test_too_much_is_refused(config: EngineConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that workers that do not fit are refused before one starts, with what is needed, what is free, and remedies."""
    needed = needed_memory(config, 2)
    check_memory(config, 2, needed)
    monkeypatch.setattr(crew, "free_memory", lambda: needed - 1)
    words = r"2 workers and 1 for stages take \d+ MiB of host memory to load flux as float32, but \d+ MiB are free: use fewer"
    with pytest.raises(EngineError, match=words):
        Crew(config, cluster_of(2))


def test_unknown_is_not_refused(config: EngineConfig) -> None:
    """Tests that a machine that does not say what is free refuses nothing."""
    check_memory(config, 2, 0)


def test_free_in_a_container(tmp_path: Path) -> None:
    """Tests that the limit of a container counts where it leaves less than the machine has, files in memory left out."""
    proc = tmp_path / "meminfo"
    proc.write_text("MemTotal: 900 kB\nMemAvailable: 600 kB\n")
    assert free_memory(proc, tmp_path) == 600 * 1024
    (tmp_path / "memory.max").write_text("300000\n")
    (tmp_path / "memory.current").write_text("250000\n")
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 100000\n")
    assert free_memory(proc, tmp_path) == 150_000
    (tmp_path / "memory.max").write_text("max\n")
    assert free_memory(proc, tmp_path) == 600 * 1024
    assert free_memory(tmp_path / "nothing", tmp_path / "nowhere") == 0


def test_words() -> None:
    """Tests that bytes are told as one would say them."""
    assert in_words(12 << 30) == "12.0 GiB" and in_words(5 << 20) == "5 MiB"


def test_compiling_needs_patience(tmp_path: Path) -> None:
    """Tests that a deadline in which a first step cannot compile is refused, so that no group counts as hung for it."""
    spec = ModelSpec(build("flux", tmp_path), compile=True)
    with pytest.raises(ValueError, match=r"^deadline is 30\.0; with engine\.compile=true, .* at least 120 seconds"):
        EngineConfig(spec)
    EngineConfig(spec, deadline=120.0)
