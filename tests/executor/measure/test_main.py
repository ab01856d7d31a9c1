"""The command that measures a profile."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from executor.measure.__main__ import main
from profiles import Profile, load_profile
from profiles.shape import Shape

SHAPE = Shape(64, 64)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a tiny FLUX."""
    pytest.importorskip("torch")
    from executor.models.random_models.build import build

    return build("flux", tmp_path_factory.mktemp("measure") / "flux")


def _measured(folder: Path, out: Path, *more: str) -> Profile:
    few = ["--shapes", "64x64", "--repeats", "4", "--warmup", "1", "--link", "cpu", "--input", "max_sequence_length=16"]
    assert main([str(folder), "--out", str(out), *few, "--date", "2026-02-03", *more]) == 0
    return load_profile(out)


def test_command(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Tests that two workers are measured with all they say to each other, a degree is emulated, and all of it is shown."""
    profile = _measured(folder, tmp_path / "profile.json", "--batches", "1,2", "--emulate", "2,4")
    assert profile.degrees(SHAPE) == (1, 2, 4)
    assert {profile.entry(SHAPE, degree, "cpu", 2).provenance for degree in (1, 2)} == {"measured"}
    assert profile.entry(SHAPE, 4, "cpu").provenance == "emulated"
    assert "measured at degree 2" in profile.entry(SHAPE, 4, "cpu").source
    assert profile.encode_time(SHAPE) > 0
    assert profile.decode_time(SHAPE) > profile.write_time(SHAPE) > 0
    assert {entry.date for entry in profile.entries} == {"2026-02-03"}
    talk = profile.communication
    assert {(entry.operation, entry.degree) for entry in talk.collectives} == {("all_to_all", 2), ("all_gather", 2)}
    assert len({entry.sent for entry in talk.collectives}) >= 6
    assert [(entry.degree, entry.link) for entry in talk.groups] == [(2, "cpu")]
    assert {(entry.before, entry.after) for entry in talk.regroups} == {(2, 2), (2, 1), (1, 2)}
    printed = capsys.readouterr().out
    for words in (
        "ms/step",
        "measured",
        "emulated",
        "all_to_all 2 cpu",
        "make a group of 2",
        "from a step on 2 to one on 1",
    ):
        assert words in printed


def test_given_costs_replace_measured_ones(folder: Path, tmp_path: Path) -> None:
    """Tests that what the command line says of bandwidth and latency is what emulation takes, and says so."""
    times = {}
    for latency in ("1", "100000"):
        profile = _measured(
            folder, tmp_path / "p.json", "--emulate", "4", "--bandwidth", "1", "--latency", latency, "--workers", "1"
        )
        entry = profile.entry(SHAPE, 4, "cpu")
        assert "1 GB/s" in entry.source and entry.source.endswith("given")
        assert profile.communication.collectives == ()
        times[latency] = entry.seconds
    assert times["100000"] > times["1"] + 0.5  # at least five collectives of 0.1 s


def test_what_is_assumed_is_said(folder: Path, tmp_path: Path) -> None:
    """Tests that one worker, on which nothing can be measured, says that the costs of communication are assumed."""
    profile = _measured(folder, tmp_path / "p.json", "--emulate", "2", "--workers", "1")
    assert profile.entry(SHAPE, 2, "cpu").source.endswith("assumed")


def test_a_model_that_cannot_be_loaded(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Tests that a broken file ends the command with exit code 1 and one message, and no profile is written."""
    from executor.models.random_models.build import build

    broken = build("flux", tmp_path / "broken")
    next(broken.glob("transformer/*.safetensors")).write_bytes(b"no weights")
    assert main([str(broken), "--out", str(tmp_path / "p.json"), "--shapes", "64x64"]) == 1
    assert "error: worker" in (said := capsys.readouterr().err) and "'transformer' cannot be loaded" in said
    assert not (tmp_path / "p.json").exists()


def test_nothing_else_imports_torch() -> None:
    """Tests that simulation, and whatever only describes a distributed run, never imports torch."""
    modules = "executor.measure.__main__, executor.loop, executor.simulated, executor.distributed.config"
    code = f"import sys, {modules}, executor.distributed.group_names; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])
