"""The main job on real workers, as a user starts it: in a process of its own."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image

from profiles import Profile, Shape, StepEntry, load_profile, save_profile
from tests.experiments.test_run import finish, start

TINY = ["engine=distributed", "engine.device=cpu", "engine.width=tiny", "profile.repeats=2", "output=run"]
CLASSES = "workload.classes=[{shape: 64, steps: 4, share: 1},{shape: 128x64, steps: 3, share: 1}]"
SMALL = [*TINY, "workload=custom", CLASSES, "workload.deadlines=stages", "workload.load=0.3", "workload.slo_scale=20"]


@pytest.mark.parametrize("model", ["flux", "wan"])
def test_serves_and_leaves_everything(model: str, tmp_path: Path) -> None:
    """Tests that one command measures, serves, and leaves an image for each request beside tables and pictures."""
    code, out, err = finish(start(*SMALL, f"engine.model={model}", "workload.requests=6", cwd=tmp_path))
    assert code == 0, err
    run = tmp_path / "run"
    assert "Measuring" in out and "SLO attainment" in out and "images" in out
    images = sorted((run / "images").iterdir())
    assert [path.name for path in images] == [f"{i:06d}.png" for i in range(6)]
    table = pq.read_table(run / "requests.parquet").to_pylist()
    for row, path in zip(table, images, strict=True):
        with Image.open(path) as image:
            assert image.text["prompt"]
            request = json.loads(image.text["request"])
            assert request["id"] == row["id"]
            assert (image.height, image.width) == (row["height"], row["width"])
    assert {row["fate"] for row in table} == {"on_time"}
    assert {path.name for path in run.iterdir()} >= {
        "trace.json.gz",
        "timeline.png",
        "segments.parquet",
        "summary.json",
    }
    profile = load_profile(run / "profile.json")
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["profile"]["digest"] == profile.digest and manifest["config"]["engine"]["model"] == model


def test_serves_with_a_given_profile(tmp_path: Path) -> None:
    """Tests that a profile from a file takes the place of measuring, and latents are kept when asked for."""
    shapes = (Shape(64, 64), Shape(128, 64))
    entries = [
        StepEntry(shape, degree, 1, "local" if degree == 1 else "cpu", 0.005, 0.1, "measured", "guess", "2026-01-01")
        for shape in shapes
        for degree in (1, 2)
    ]
    save_profile(Profile("given", "flux", "cpu", ("cpu",), 4, tuple(entries)), tmp_path / "given.json")
    given = ["profile=file", "profile.name=given.json", "engine.latents=true", "solver=edf", "workload.requests=2"]
    few = [argument for argument in SMALL if not argument.startswith("profile.")]
    code, out, err = finish(start(*few, *given, cwd=tmp_path))
    assert code == 0, err
    assert "Measuring" not in out
    run = tmp_path / "run"
    assert len(list((run / "latents").iterdir())) == len(list((run / "images").iterdir())) == 2
    assert not (run / "profile.json").exists()


def test_interrupt_keeps_images_and_tables(tmp_path: Path) -> None:
    """Tests that ctrl-C ends a long run with tables that tell of every image that was there, and of none that is not."""
    process = start(*SMALL, "workload.requests=2000", cwd=tmp_path)
    images = tmp_path / "run" / "images"
    there: list[str] = []
    for _ in range(1800):
        if len(there) > 4 or process.poll() is not None:
            break
        there = sorted(
            (path.name for path in images.glob("*.png")), key=lambda name: (images / name).stat().st_mtime_ns
        )
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    code, out, err = finish(process)
    assert code == 130, err
    assert "Interrupted" in out
    table = pq.read_table(tmp_path / "run" / "requests.parquet").to_pylist()
    done = {f"{row['id']:06d}.png" for row in table if row["fate"] in ("on_time", "late")}
    told = there[:-1]  # a worker says that an image is there just after it is
    assert len(told) > 3 and set(told) <= done <= {path.name for path in images.iterdir()}


def test_refuses_before_a_worker_starts(tmp_path: Path) -> None:
    """Tests that a wrong value ends with exit code 2, one message, and no directory."""
    code, out, err = finish(start(*SMALL, "engine.model=nosuch", cwd=tmp_path))
    assert code == 2 and out == ""
    assert "error: engine.model is 'nosuch'" in err and "Traceback" not in err
    assert not (tmp_path / "run").exists()
