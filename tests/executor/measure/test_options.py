"""What the measuring command refuses before anything starts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from executor.measure.options import parse
from executor.models.shapes import pixels_per_token
from profiles.shape import Shape

pytest.importorskip("torch")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make the configurations of a FLUX, as far as they are looked at."""
    for part, config in (("vae", {"block_out_channels": [1, 1, 1, 1]}), ("transformer", {"patch_size": 1})):
        (tmp_path / "flux" / part).mkdir(parents=True)
        (tmp_path / "flux" / part / "config.json").write_text(json.dumps(config))
    (tmp_path / "flux" / "model_index.json").write_text('{"_class_name": "FluxPipeline"}')
    return tmp_path / "flux"


def _arguments(folder: Path, *more: str) -> list[str]:
    return [str(folder), "--out", str(folder.parent / "out.json"), "--shapes", "64x64", *more]


def test_defaults(folder: Path) -> None:
    """Tests that degrees are those that the workers allow, and what is measured is not emulated as well."""
    options = parse(_arguments(folder, "--workers", "3", "--emulate", "8,2,4"))
    assert options.cluster.degrees == (1, 2)
    assert options.emulate == (4, 8)
    assert (options.bandwidth, options.latency) == (None, None)
    assert options.grid.shapes == (Shape(64, 64),)


@pytest.mark.parametrize(("gpus", "device", "workers", "link"), [(0, "cpu", 2, "cpu"), (4, "cuda", 4, "nvlink")])
def test_hardware_decides_the_defaults(
    gpus: int, device: str, workers: int, link: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tests that without a word there is a worker for each GPU, or two processes, and the link that fits."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: gpus > 0)
    monkeypatch.setattr("torch.cuda.device_count", lambda: gpus)
    options = parse(_arguments(folder))
    assert (options.config.device, options.cluster.gpus, options.link) == (device, workers, link)


def test_one_device(folder: Path) -> None:
    """Tests that a single device without emulation is measured at degree 1 alone."""
    options = parse(_arguments(folder, "--workers", "1"))
    assert (options.cluster.degrees, options.emulate) == ((1,), ())


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--degrees", "1,2,4"], ["--degrees has 4", "--workers is 2", "--emulate 4"]),
        (["--degrees", "2"], ["--degrees is 2", "must have 1"]),
        (["--degrees", "1,two"], ["'1,two'", "1,2,4"]),
        (["--emulate", "1,2"], ["--emulate is 1,2", "degree 1"]),
        (["--workers", "0"], ["--workers is 0", "at least 1"]),
        (["--threads", "0"], ["--threads is 0"]),
        (["--shapes", "64y64"], ["64y64", "HEIGHTxWIDTH"]),
        (["--shapes", "64x72"], ["shape 64x72", "multiples of 16", "64x64"]),
        (["--shapes", "32x32", "--emulate", "8"], ["shape 32x32", "4 tokens", "group of 8"]),
        (["--batches", "2,4"], ["batches", "batch 1"]),
        (["--batches", "0,1"], ["'0,1'"]),
        (["--repeats", "1"], ["repeats is 1", "at least 2"]),
        (["--bandwidth", "0"], ["--bandwidth is 0", "positive"]),
        (["--latency", "-1"], ["--latency is -1", "positive"]),
        (["--link", "local"], ["--link is 'local'"]),
        (["--date", "today"], ["--date is 'today'", "2026-01-31"]),
        (["--input", "steps"], ["'steps'", "NAME=VALUE"]),
        (["--device", "cuda", "--workers", "99"], ["--workers is 99", "GPUs"]),
    ],
)
def test_refused(folder: Path, more: list[str], words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Tests that careless input ends with exit code 2 and a message with option, value and what would be right."""
    with pytest.raises(SystemExit) as ended:
        parse(_arguments(folder, *more))
    assert ended.value.code == 2
    said = capsys.readouterr().err
    for word in words:
        assert word in said


def test_tiling(folder: Path) -> None:
    """Tests that decodes are measured as they will be served: tile by tile, or not."""
    assert parse(_arguments(folder, "--vae-tiling")).config.model.vae_tiling
    assert not parse(_arguments(folder)).config.model.vae_tiling


@pytest.mark.parametrize(
    ("model", "out", "words"),
    [
        ("nowhere", "out.json", ["MODEL is", "nowhere", "does not exist", "executor.models.random_models"]),
        ("flux/vae", "out.json", ["MODEL is", "no model_index.json"]),
        ("flux", "away/out.json", ["--out is", "no folder", "away"]),
        ("flux", "flux", ["--out is", "is a folder"]),
    ],
)
def test_paths(folder: Path, model: str, out: str, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Tests that a folder without a model, and a file that cannot be written, are refused by name."""
    with pytest.raises(SystemExit):
        parse([str(folder.parent / model), "--out", str(folder.parent / out), "--shapes", "64"])
    said = capsys.readouterr().err
    for word in words:
        assert word in said


@pytest.mark.parametrize("model", ["flux", "sd3", "qwen", "wan"])
def test_pixels_per_token(model: str, tmp_path: Path) -> None:
    """Tests that the size of a token is read off every pipeline that can be built here."""
    from executor.models.random_models.build import build

    assert pixels_per_token(build(model, tmp_path)) == 16


def test_unknown_configurations(tmp_path: Path) -> None:
    """Tests that a pipeline that does not say how pixels become tokens is left to refuse shapes itself."""
    assert pixels_per_token(tmp_path) is None
