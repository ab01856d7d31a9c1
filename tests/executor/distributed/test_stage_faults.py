"""The worker for texts and images: stopped, dying, slow, failing; no wait for it is without an end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from executor.distributed.config import EngineConfig
from executor.distributed.controller.engine import DistributedEngine
from executor.distributed.local.transport import LocalTransport
from executor.distributed.worker import staging
from executor.distributed.worker.process import work
from executor.distributed.worker.setting import WorkerSetting
from executor.models.model import Model
from executor.models.random_models.build import build
from executor.testing import RandomPlans
from planner.plan import Assignment
from planner.request import Request
from tests.executor.distributed.serving import (
    SHAPES,
    alive,
    assert_equal_to_alone,
    cluster_of,
    decoded,
    engine_of,
    folder_of,
    pid_of,
    profile_of,
    reach,
    requests_of,
    run,
    settled,
    shared_folder,
    spec_of,
    states_of,
)

CLUSTER = cluster_of(2)
PROFILE = profile_of(CLUSTER)
STAGES = 2


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> EngineConfig:
    """Build a tiny FLUX."""
    folder = tmp_path_factory.mktemp("stages")
    spec = spec_of(build("flux", folder / "flux"))
    return EngineConfig(spec, folder / "images", folder / "latents", deadline=20.0)


def _engine(
    config: EngineConfig, target: Callable[[WorkerSetting, Connection], None] = work
) -> AbstractContextManager[DistributedEngine]:
    return engine_of(config, CLUSTER, PROFILE, LocalTransport(config.model.folder, target))


def _serve(engine: DistributedEngine, request: Request) -> None:
    engine.submit(request)
    reach(engine, "ready", request.id)
    engine.carry_out([Assignment((request.id,), CLUSTER.group_of((0, 1)), request.steps)])
    reach(engine, "finished", request.id)


def _before(name: str, act: Callable[[int], None]) -> None:
    """Let a method of the model do something first, told how often it was called."""
    method, count = getattr(Model, name), 0

    def wrapped(self: Model, *arguments: Any) -> Any:
        nonlocal count
        count += 1
        act(count)
        return method(self, *arguments)

    setattr(Model, name, wrapped)


def _stop_once(setting: WorkerSetting) -> Callable[[int], None]:
    """Stop this process, as it would hang on a device, the first time."""
    mark = folder_of(setting) / "stopped"

    def stop(count: int) -> None:
        if not mark.exists():
            mark.write_text(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGSTOP)

    return stop


def work_and_hang_in_a_text(setting: WorkerSetting, connection: Connection) -> None:
    """Be a worker that hangs in its first text."""
    if setting.role == "stages":
        _before("admit", _stop_once(setting))
    work(setting, connection)


def work_and_hang_in_an_image(setting: WorkerSetting, connection: Connection) -> None:
    """Be a worker that hangs in its first image."""
    if setting.role == "stages":
        _before("decode", _stop_once(setting))
    work(setting, connection)


def work_and_sleep_in_an_image(setting: WorkerSetting, connection: Connection) -> None:
    """Be a worker whose first image never comes though the process lives, as one that waits for a dead disk."""
    mark = folder_of(setting) / "stopped"

    def sleep(count: int) -> None:
        if not mark.exists():
            mark.write_text(str(os.getpid()))
            time.sleep(1000)

    if setting.role == "stages":
        _before("decode", sleep)
    work(setting, connection)


@pytest.mark.parametrize("target", [work_and_hang_in_a_text, work_and_hang_in_an_image, work_and_sleep_in_an_image])
def test_hangs_are_found(target: Callable[[WorkerSetting, Connection], None], config: EngineConfig) -> None:
    """Tests that a worker for stages that does nothing is replaced after the deadline, and its request served."""
    request = Request(0, SHAPES[0], 3, 0.0, 99.0)
    with _engine(replace(config, deadline=2.0), target) as engine:
        _serve(engine, request)
        assert set(settled(engine)) == {0}
        hung = int((shared_folder(engine) / "stopped").read_text())
        assert hung != pid_of(engine, STAGES)
        assert not alive(hung)
    assert_equal_to_alone(config, [request])


@pytest.mark.parametrize("target", [work_and_hang_in_a_text, work_and_hang_in_an_image])
def test_one_of_two_hangs(target: Callable[[WorkerSetting, Connection], None], config: EngineConfig) -> None:
    """Tests that of two workers for stages the one that hangs is replaced, and every image is right."""
    requests = requests_of(8, seed=3, every=0.0)
    with _engine(replace(config, deadline=2.0, stage_workers=2), target) as engine:
        records = run(engine, CLUSTER, PROFILE, requests, RandomPlans(3))
        assert set(records.delivered) == {request.id for request in requests}
        assert not alive(int((shared_folder(engine) / "stopped").read_text()))
    assert_equal_to_alone(config, requests)


def test_two_share_the_stages(config: EngineConfig) -> None:
    """Tests that of two texts that come at once each worker for stages takes one."""
    requests = requests_of(2, seed=4, every=0.0)
    with _engine(replace(config, stage_workers=2)) as engine:
        records = run(engine, CLUSTER, PROFILE, requests, RandomPlans(4))
    assert {staged.worker for staged in records.staged if staged.stage == "encode"} == {0, 1}


def work_slowly(setting: WorkerSetting, connection: Connection) -> None:
    """Be a worker that computes for 3 s before each image."""

    def compute(count: int) -> None:
        until = time.monotonic() + 3.0
        while time.monotonic() < until:
            pass

    if setting.role == "stages":
        _before("decode", compute)
    work(setting, connection)


def test_what_works_is_not_late(config: EngineConfig) -> None:
    """Tests that a decode that goes on for longer than the deadline is waited for."""
    request = Request(0, SHAPES[0], 3, 0.0, 99.0)
    with _engine(replace(config, deadline=1.5), work_slowly) as engine:
        pid = pid_of(engine, STAGES)
        _serve(engine, request)
        assert set(settled(engine)) == {0}
        assert pid_of(engine, STAGES) == pid
        assert not engine.failures


def work_and_fail_on_odd_ones(setting: WorkerSetting, connection: Connection) -> None:
    """Be a worker that cannot decode images of 64x96."""
    decode = Model.decode

    def failing(self: Model, ticket: Any) -> Any:
        if ticket.values["width"] == 96:
            raise ArithmeticError("no colours")
        return decode(self, ticket)

    Model.decode = failing  # type: ignore[method-assign]
    work(setting, connection)


def test_images_that_cannot_be_made(config: EngineConfig) -> None:
    """Tests that a request whose image cannot be decoded is given up by name after a few attempts, and others delivered."""
    requests = requests_of(6, seed=3)
    odd = {request.id for request in requests if request.shape.width == 96}
    assert 0 < len(odd) < 6
    with _engine(config, work_and_fail_on_odd_ones) as engine:
        records = run(engine, CLUSTER, PROFILE, requests, RandomPlans(3))
        assert set(settled(engine)) == {request.id for request in requests} - odd
        assert set(engine.failures) == odd
        for request in odd:
            assert f"request {request} (64x96, step" in engine.failures[request][1]
            assert "decoding its image failed 3 times: ArithmeticError: no colours" in engine.failures[request][1]
        assert not states_of(engine)
    assert records.complete


def work_and_die_of_a_text(setting: WorkerSetting, connection: Connection) -> None:
    """Be a worker that dies of the text of requests with 9 steps."""
    admit = Model.admit

    def dying(self: Model, ask: Any) -> Any:
        if ask.request.steps == 9:
            os.kill(os.getpid(), signal.SIGKILL)
        return admit(self, ask)

    Model.admit = dying  # type: ignore[method-assign]
    work(setting, connection)


def test_a_text_that_kills(config: EngineConfig) -> None:
    """Tests that a request that kills the worker for stages again and again is given up by name, and the next one served."""
    deadly, good = Request(0, SHAPES[0], 9, 0.0, 99.0), Request(1, SHAPES[0], 3, 0.0, 99.0)
    with _engine(config, work_and_die_of_a_text) as engine:
        engine.submit(deadly)
        engine.submit(good)
        failed = None
        ready = False
        while failed is None or not ready:
            for item in engine.advance(60.0)[1]:
                failed = item if item.kind == "failed" else failed
                ready = ready or (item.kind, item.request) == ("ready", 1)
        assert failed.reason == (
            "request 0 (64x64, step 0 of 9) cannot be served: "
            "the worker for stages died or hung 9 times while encoding its text"
        )


def work_and_write_slowly(setting: WorkerSetting, connection: Connection) -> None:
    """Be a worker whose files take as long as there is no file ``go``."""
    encoded = staging.encoded

    def slow(*arguments: Any) -> bytes:
        while not (folder_of(setting) / "go").exists():
            time.sleep(0.01)
        return encoded(*arguments)

    staging.encoded = slow
    work(setting, connection)


def test_texts_do_not_wait_for_files(config: EngineConfig) -> None:
    """Tests that while an image is being written the next request is encoded, stepped and decoded."""
    first, second = Request(0, SHAPES[0], 3, 0.0, 99.0), Request(1, SHAPES[0], 3, 0.0, 99.0)
    with _engine(config, work_and_write_slowly) as engine:
        _serve(engine, first)
        _serve(engine, second)
        assert not decoded(engine)
        (shared_folder(engine) / "go").touch()
        assert set(settled(engine)) == {0, 1}
        (shared_folder(engine) / "go").unlink()


def test_killed_while_writing(config: EngineConfig, tmp_path: Path) -> None:
    """Tests that a worker that is killed while it writes a file leaves nothing half, and the image comes all the same."""
    request = Request(0, SHAPES[0], 3, 0.0, 99.0)
    images = tmp_path / "images"
    with _engine(replace(config, images=images), work_and_write_slowly) as engine:
        _serve(engine, request)
        while not engine._stages._hands[STAGES].writing:
            engine.advance(engine.advance(0.0)[0] + 0.05)
        os.kill(pid_of(engine, STAGES), signal.SIGKILL)
        (shared_folder(engine) / "go").touch()
        assert set(settled(engine)) == {0}
        assert [path.name for path in images.iterdir()] == ["000000.png"]
        (shared_folder(engine) / "go").unlink()
