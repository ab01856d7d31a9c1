"""Images come to rest whole, whatever happens to their folder or to the controller."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from PIL.Image import open as open_image

from executor.distributed.config import EngineConfig, EngineError
from executor.distributed.controller import engine as controller
from executor.distributed.local import latents
from executor.distributed.local.transport import LocalTransport
from executor.distributed.worker.process import work
from executor.distributed.worker.setting import WorkerSetting
from executor.models.random_models.build import build
from executor.testing import RandomPlans
from planner.plan import Assignment
from planner.request import Request
from tests.executor.distributed.serving import (
    SHAPES,
    alive,
    cluster_of,
    engine_of,
    meanwhile,
    profile_of,
    requests_of,
    run,
    settled,
    spec_of,
)
from tests.experiments.test_run import hear_interrupts
from tests.patience import PATIENCE

CLUSTER = cluster_of(3)
PROFILE = profile_of(CLUSTER)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> EngineConfig:
    """Build a tiny FLUX."""
    folder = tmp_path_factory.mktemp("images")
    return EngineConfig(spec_of(build("flux", folder / "flux")), folder / "images", deadline=20.0)


def test_vanished_image_folder(config: EngineConfig, tmp_path: Path) -> None:
    """Tests that images that cannot be written for a while are written as soon as they can."""
    images, away = tmp_path / "images", tmp_path / "away"
    requests = requests_of(5, seed=7)

    def take_away(stop: threading.Event) -> None:
        images.rename(away)
        time.sleep(1.5)
        away.rename(images)

    with engine_of(replace(config, images=images), CLUSTER, PROFILE) as engine:
        with meanwhile(take_away):
            records = run(engine, CLUSTER, PROFILE, requests, RandomPlans(7))
        assert len(records.delivered) == 5
    assert len(list(images.glob("*.png"))) == 5


def work_on_a_full_disk(setting: WorkerSetting, connection: Connection) -> None:
    """Be a worker for whom no image file can grow beyond 64 bytes, as long as there is a file ``full`` beside them."""
    write = latents.write_file

    def limited(path: Path, data: bytes) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        if (path.parent / "full").exists():
            resource.setrlimit(resource.RLIMIT_FSIZE, (64, hard))
        try:
            write(path, data)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    latents.write_file = limited
    work(setting, connection)


def test_full_disk(config: EngineConfig, tmp_path: Path) -> None:
    """Tests that images that find no room in mid-write are written, whole, once there is some, and nothing half is left."""
    images = tmp_path / "images"
    images.mkdir()
    (images / "full").touch()
    requests = requests_of(5, seed=9)
    errors: dict[int, str] = {}

    def make_room(stop: threading.Event) -> None:
        while len(errors) < 3 and not stop.wait(0.01):
            errors.update(engine._stages.errors)
        (images / "full").unlink()

    transport = LocalTransport(config.model.folder, work_on_a_full_disk)
    with engine_of(replace(config, images=images), CLUSTER, PROFILE, transport) as engine:
        with meanwhile(make_room):
            records = run(engine, CLUSTER, PROFILE, requests, RandomPlans(9))
        assert set(records.delivered) == {request.id for request in requests}
    assert len(errors) >= 3 and all("File too large" in error for error in errors.values())
    assert sorted(path.name for path in images.iterdir()) == [f"{i:06d}.png" for i in range(5)]
    for path in images.iterdir():
        with open_image(path) as image:
            image.load()


def test_image_folder_that_stays_away(config: EngineConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that images that can never be written are reported by request, after what is patient enough."""
    images = tmp_path / "images"
    request = Request(3, SHAPES[0], 60, 0.0, 99.0)
    monkeypatch.setattr(controller, "_UNWRITTEN", 1.0)
    with engine_of(replace(config, images=images), CLUSTER, PROFILE) as engine:
        images.rmdir()
        engine.submit(request)
        while not engine.advance(60.0)[1]:
            pass
        engine.carry_out([Assignment((3,), CLUSTER.group_of((0,)), request.steps)])
        engine.advance(60.0)
        with pytest.raises(EngineError, match=r"no further image in .* after 1 s \(request 3: FileNotFoundError"):
            settled(engine)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_controller(config: EngineConfig, tmp_path: Path, sent: signal.Signals) -> None:
    """Tests that an interrupted or killed controller leaves no process and no shared memory; images stay."""
    script = tmp_path / "serve.py"
    script.write_text(
        "import sys\n"
        "from pathlib import Path\n"
        "from executor.distributed.config import EngineConfig\n"
        "from tests.executor.distributed.serving import *\n"
        "from executor.testing import RandomPlans\n"
        "if __name__ == '__main__':\n"
        f"    config = EngineConfig(spec_of(Path({str(config.model.folder)!r})), Path({str(tmp_path / 'images')!r}))\n"
        "    cluster = cluster_of(2)\n"
        "    with engine_of(config, cluster, profile_of(cluster)) as engine:\n"
        "        print(shared_folder(engine), *(link.pid for link in engine._fleet._links), flush=True)\n"
        "        run(engine, cluster, profile_of(cluster), requests_of(10_000, 1), RandomPlans(1))\n"
    )
    root = Path(__file__).parents[3]
    process = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        start_new_session=True,
        preexec_fn=hear_interrupts,
    )
    assert process.stdout is not None
    try:
        folder, *pids = process.stdout.readline().split()
        until = time.monotonic() + PATIENCE
        while not list((tmp_path / "images").glob("*.png")) and time.monotonic() < until:
            time.sleep(0.05)
        if sent == signal.SIGINT:
            os.killpg(process.pid, sent)  # as a terminal does
        else:
            process.send_signal(sent)
        process.wait(PATIENCE)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    while (Path(folder).exists() or any(alive(int(pid)) for pid in pids)) and time.monotonic() < until + PATIENCE:
        time.sleep(0.05)
    assert not Path(folder).exists()
    assert not [pid for pid in pids if alive(int(pid))]
    assert list((tmp_path / "images").glob("*.png"))
