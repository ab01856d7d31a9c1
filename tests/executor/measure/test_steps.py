"""Measuring through the engine: it survives what breaks once, and ends with words when something stays broken."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from executor.distributed.config import EngineConfig, EngineError
from executor.distributed.controller.crew import Crew
from executor.distributed.local.latents import Shared
from executor.distributed.local.transport import LocalTransport
from executor.distributed.worker import staging
from executor.distributed.worker.process import work
from executor.distributed.worker.setting import WorkerSetting
from executor.measure.grid import Grid
from executor.measure.steps import measure
from executor.models.model import Model
from executor.models.random_models.build import build
from profiles.shape import Shape
from tests.executor.distributed.serving import cluster_of, folder_of, spec_of

CLUSTER = cluster_of(2)
GRID = Grid((Shape(64, 64),), repeats=2, warmup=1)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> EngineConfig:
    """Build a tiny FLUX."""
    return EngineConfig(spec_of(build("flux", tmp_path_factory.mktemp("steps") / "flux")), deadline=5.0)


def _crew(config: EngineConfig, target: Callable[[WorkerSetting, Connection], None]) -> Crew:
    """Start workers that are others than usual."""
    return Crew(config, CLUSTER, LocalTransport(config.model.folder, target))


def _wrap(name: str, before: Callable[[int], None]) -> None:
    """Let a method of the model do something first, told how often it was called."""
    method, count = getattr(Model, name), 0

    def wrapped(self: Model, *arguments: Any) -> Any:
        nonlocal count
        count += 1
        before(count)
        return method(self, *arguments)

    setattr(Model, name, wrapped)


def work_and_die_once(setting: WorkerSetting, connection: Connection) -> None:
    """Be a worker: the second one dies in its fifth step, the one for stages in its third decode, each once."""
    mark = folder_of(setting) / f"died-{setting.rank}"

    def die(at: int, count: int) -> None:
        if count == at and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    if setting.rank == 1:
        _wrap("step", lambda count: die(5, count))
    if setting.role == "stages":
        _wrap("decode", lambda count: die(3, count))
    work(setting, connection)


def test_deaths_while_measuring(config: EngineConfig) -> None:
    """Tests that workers that die once, in a step and in a decode, cost nothing but time: the profile is whole."""
    with _crew(config, work_and_die_once) as crew:
        profile = measure(crew, GRID, "tiny")
    assert {(entry.degree, entry.batch) for entry in profile.entries} == {(1, 1), (2, 1)}
    assert {stage.stage for stage in profile.stages} == {"encode", "decode", "write"}
    assert all(0.0 < profile.write_time(shape) < profile.decode_time(shape) for shape in profile.shapes)
    assert {(r.before, r.after) for r in profile.communication.regroups} == {(2, 2), (2, 1), (1, 2)}


def work_and_note_files(setting: WorkerSetting, connection: Connection) -> None:
    """Be a worker that notes every file that it makes of an image."""
    encoded = staging.encoded

    def noted(*arguments: Any) -> bytes:
        with (folder_of(setting) / "made").open("a") as made:
            made.write("x")
        return encoded(*arguments)

    staging.encoded = noted
    work(setting, connection)


def test_files_are_made_for_their_time_alone(config: EngineConfig, tmp_path: Path) -> None:
    """Tests that what is measured of an image has the making of its file in it, and that no file is kept."""
    folders = tmp_path / "images", tmp_path / "latents"
    with _crew(replace(config, images=folders[0], latents=folders[1]), work_and_note_files) as crew:
        measure(crew, GRID, "tiny")
        assert isinstance(crew.transport.storage, Shared)
        assert (crew.transport.storage.folder / "made").read_text()
    assert not [file for folder in folders for file in folder.iterdir()]


def work_and_fail_steps(setting: WorkerSetting, connection: Connection) -> None:
    """Be a worker that, as the second one, fails in every step."""

    def fail(count: int) -> None:
        raise ArithmeticError("cosmic ray")

    if setting.rank == 1:
        _wrap("step", fail)
    work(setting, connection)


def work_and_die_in_steps(setting: WorkerSetting, connection: Connection) -> None:
    """Be a worker that, as the second one, dies in every step."""
    if setting.rank == 1:
        _wrap("step", lambda count: os.kill(os.getpid(), signal.SIGKILL))
    work(setting, connection)


def work_and_refuse(setting: WorkerSetting, connection: Connection) -> None:
    """Be a worker that encodes no text."""

    def fail(count: int) -> None:
        raise ValueError("no such prompt")

    if setting.role == "stages":
        _wrap("admit", fail)
    work(setting, connection)


def work_and_decode_nothing(setting: WorkerSetting, connection: Connection) -> None:
    """Be a worker that decodes nothing."""

    def fail(count: int) -> None:
        raise ArithmeticError("no colours")

    if setting.role == "stages":
        _wrap("decode", fail)
    work(setting, connection)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (
            work_and_fail_steps,
            r"measuring steps of 64x64, batch 1, on GPUs 0,1: it broke 3 times, at last by .*worker 1: ArithmeticError",
        ),
        (work_and_die_in_steps, r"measuring steps of 64x64, batch 1, on GPUs 0,1: it broke 3 times, .*worker 1 died"),
        (
            work_and_refuse,
            r"measuring 64x64: request 0 \(64x64, step 0 of 3\) cannot be served: ValueError: no such prompt",
        ),
        (
            work_and_decode_nothing,
            r"measuring 64x64: request 0 \(64x64, step 3 of 3\) cannot be served: decoding its image failed 3 times: "
            "ArithmeticError: no colours",
        ),
    ],
)
def test_what_stays_broken_ends_the_measuring(
    target: Callable[[WorkerSetting, Connection], None], message: str, config: EngineConfig
) -> None:
    """Tests that a step, a text or an image that fails again and again ends the measuring: shape, GPUs, worker, reason."""
    with _crew(config, target) as crew, pytest.raises(EngineError, match=message):
        measure(crew, GRID, "tiny")


def test_a_shape_that_is_refused(config: EngineConfig) -> None:
    """Tests that a shape that the model cannot make ends the measuring with its name."""
    refused = pytest.raises(EngineError, match=r"measuring 100x100: request 0 .*multiples of 16 pixels")
    with Crew(config, CLUSTER) as crew, refused:
        measure(crew, replace(GRID, shapes=(Shape(100, 100),)), "tiny")


def test_folder_is_left_alone(config: EngineConfig) -> None:
    """Tests that what was damaged above was damaged in workers alone."""
    assert Path(config.model.folder).is_dir()
    assert "wrapped" not in {Model.step.__name__, Model.admit.__name__, Model.decode.__name__}
