"""The command that measures a profile."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from executor import measure
from profiles import load_profile
from profiles.shape import Shape


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Tests that a profile is measured on two workers, a degree emulated, and the file is a valid profile."""
    pytest.importorskip("torch")
    from executor.distributed.tiny import build_tiny

    folder = build_tiny("flux", tmp_path / "flux")
    out = tmp_path / "profile.json"
    measure.main(
        [
            str(folder),
            *("--out", str(out), "--workers", "2", "--degrees", "1,2", "--shapes", "64x64", "--batches", "1,2"),
            *("--repeats", "4", "--warmup", "1", "--link", "cpu", "--emulate", "2,4", "--date", "2026-02-03"),
            *("--input", "max_sequence_length=16", "--bandwidth", "1"),
        ]
    )
    profile = load_profile(out)
    shape = Shape(64, 64)
    assert profile.degrees(shape) == (1, 2, 4)
    assert {profile.entry(shape, degree, "cpu", 2).provenance for degree in (1, 2)} == {"measured"}
    assert profile.entry(shape, 4, "cpu").provenance == "extrapolated"
    assert "1 GB/s" in profile.entry(shape, 4, "cpu").source
    assert profile.encode_time(shape) > 0
    assert profile.decode_time(shape) > 0
    assert {entry.date for entry in profile.entries} == {"2026-02-03"}
    printed = capsys.readouterr().out
    assert "ms/step" in printed
    assert "extrapolated" in printed


def test_nothing_else_imports_torch() -> None:
    """Tests that simulation, and whatever only describes a distributed run, never imports torch."""
    modules = "executor.measure, executor.loop, executor.simulated, executor.distributed.config"
    code = f"import sys, {modules}, executor.distributed.group_names; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
