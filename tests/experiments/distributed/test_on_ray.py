"""The main job on a Ray of its own, as a user starts it: in a process of its own, of which nothing is left."""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from profiles import Profile, Shape, StepEntry, save_profile
from tests.experiments.distributed.test_run import SMALL
from tests.experiments.test_run import finish, start

pytest.importorskip("ray", reason="needs the extra cluster")


def _marked(mark: str) -> list[str]:
    """Return the processes that have a variable in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


def test_serves_on_ray(tmp_path: Path) -> None:
    """Tests that one command starts Ray, serves on actors, writes the images here, and leaves no process behind."""
    shapes = (Shape(64, 64), Shape(128, 64))
    entries = [
        StepEntry(shape, degree, 1, "local" if degree == 1 else "cpu", 0.005, 0.1, "measured", "guess", "2026-01-01")
        for shape in shapes
        for degree in (1, 2)
    ]
    save_profile(Profile("given", "flux", "cpu", ("cpu",), 4, tuple(entries)), tmp_path / "given.json")
    given = ["profile=file", "profile.name=given.json", "engine/transport=ray", "workload.requests=4"]
    few = [argument for argument in SMALL if not argument.startswith("profile.")]
    mark = uuid.uuid4().hex
    root = str(Path(__file__).parents[3])
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    code, out, err = finish(start(*few, *given, cwd=tmp_path, TETRIPLAN_MARK=mark, PYTHONPATH=path))
    assert code == 0, err
    assert "SLO attainment" in out and "Traceback" not in err
    assert sorted(image.name for image in (tmp_path / "run" / "images").iterdir()) == [f"{i:06d}.png" for i in range(4)]
    assert len(pq.read_table(tmp_path / "run" / "requests.parquet")) == 4
    until = time.monotonic() + 10
    while _marked(mark) and time.monotonic() < until:
        time.sleep(0.1)
    assert not _marked(mark)


def test_no_cluster_there(tmp_path: Path) -> None:
    """Tests that an address where nothing answers ends the command at once, with one line that names it."""
    arguments = ["engine=distributed", "engine/transport=ray", "engine.transport.address=127.0.0.1:1"]
    code, _, err = finish(start(*arguments, cwd=tmp_path))
    assert code == 2
    (line,) = [line for line in err.splitlines() if line.startswith("error")]
    assert "engine.transport.address" in line and "127.0.0.1:1" in line and "ray start --head" in line
    assert "Traceback" not in err
