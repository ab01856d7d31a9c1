"""Decoding by the group that did the last step: on real workers, right, seen, and never lost."""

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

import diffusers
import numpy as np
import pytest
import torch
from PIL.Image import open as open_image

from executor.distributed.config import EngineConfig
from executor.distributed.controller.engine import DistributedEngine
from executor.distributed.local.transport import LocalTransport
from executor.distributed.worker.process import work
from executor.distributed.worker.setting import WorkerSetting
from executor.models.model import Model
from executor.models.random_models.build import build
from executor.models.spec import ModelSpec
from executor.testing import RandomPlans, check_engine
from experiments.results.metrics import summarize
from experiments.results.trace import GPUS, trace_events
from planner.plan import Assignment
from planner.request import Request
from tests.executor.distributed.serving import (
    SHAPES,
    alive,
    assert_equal_to_alone,
    cluster_of,
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
PAIR = CLUSTER.group_of((0, 1))
PROFILE = profile_of(CLUSTER, batches=(1, 2))


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> EngineConfig:
    """Build a tiny FLUX, whose groups decode."""
    folder = tmp_path_factory.mktemp("decode")
    spec = spec_of(build("flux", folder / "flux"))
    return EngineConfig(spec, folder / "images", folder / "latents", deadline=20.0, decode="group")


def _engine(
    config: EngineConfig, target: Callable[[WorkerSetting, Connection], None] = work
) -> AbstractContextManager[DistributedEngine]:
    return engine_of(config, CLUSTER, PROFILE, LocalTransport(config.model.folder, target))


def _finish(engine: DistributedEngine, request: Request) -> None:
    """Let both workers do all steps of a request."""
    engine.submit(request)
    reach(engine, "ready", request.id)
    engine.carry_out([Assignment((request.id,), PAIR, request.steps)])
    reach(engine, "finished", request.id)


def _plain(spec: ModelSpec, prompt: str, request: Request) -> np.ndarray[Any, Any]:
    """Return what diffusers' own pipeline makes of a request."""
    pipeline = diffusers.DiffusionPipeline.from_pretrained(spec.folder)
    pipeline.set_progress_bar_config(disable=True)
    made = pipeline(
        prompt,
        height=request.shape.height,
        width=request.shape.width,
        num_inference_steps=request.steps,
        generator=torch.Generator().manual_seed(spec.seed + request.id),
        output_type="pil",
        **(spec.inputs | ({"num_frames": 1} if spec.folder.name == "wan" else {})),
    )
    found = made.frames[0][0] if hasattr(made, "frames") else made.images[0]
    return np.asarray(found, dtype=int)


@pytest.mark.parametrize("family", ["flux", "wan"])
def test_images_are_those_of_the_plain_pipeline(family: str, tmp_path: Path) -> None:
    """Tests, to one grey level, images of a run that moves from group to group, and the trace that shows who made them."""
    spec = spec_of(build(family, tmp_path / family))
    config = EngineConfig(spec, tmp_path / "images", tmp_path / "latents", decode="group")
    requests = requests_of(4, seed=5)
    with engine_of(config, CLUSTER, PROFILE) as engine:
        records = run(engine, CLUSTER, PROFILE, requests, RandomPlans(5))
    assert set(records.delivered) == {0, 1, 2, 3}
    for request in requests:
        with open_image(tmp_path / "images" / f"{request.id:06d}.png") as image:
            made = np.asarray(image, dtype=int)
        expected = _plain(spec, config.prompts[request.id % len(config.prompts)], request)
        assert made.shape == expected.shape and np.abs(made - expected).max() <= 1
    last = {job: segment.gpus for segment in records.segments for job in segment.jobs}
    lanes = {
        event["args"]["request"]: event["tid"] - 1
        for event in trace_events(records, CLUSTER)
        if event["ph"] == "X" and event["pid"] == GPUS and event["cat"] == "stage"
    }
    assert lanes == {request.id: last[request.id][0] for request in requests}
    summary = summarize(records, CLUSTER)
    assert summary.stages is not None and summary.stages.gpu_seconds > 0


def test_an_engine_that_decodes_on_its_groups_keeps_the_rules(config: EngineConfig) -> None:
    """Tests what every engine must keep, with batches, whose images the members share."""
    with _engine(replace(config, images=None, latents=None)) as engine:
        records = check_engine(
            *(lambda requests: engine, CLUSTER, PROFILE, SHAPES),
            every=0.05,
            batches=True,
            decode="group",
            real_clock=True,
        )
    assert records.delivered


def test_a_gpu_that_makes_an_image_is_told_and_left_alone(config: EngineConfig) -> None:
    """Tests that it is not free until the image is made, while another member is, and that a segment for it waits."""
    first, second = Request(0, SHAPES[2], 3, 0.0, 99.0), Request(1, SHAPES[0], 3, 0.0, 99.0)
    with _engine(config, work_slowly) as engine:
        engine.submit(second)
        reach(engine, "ready", 1)
        _finish(engine, first)
        assert set(engine.occupied()) == {0}
        assert engine.occupied()[0] >= engine.clock() - 0.1
        engine.carry_out([Assignment((1,), CLUSTER.group_of((0,)), 3)])
        assert engine.observe() == []
        engine.carry_out([Assignment((1,), CLUSTER.group_of((1,)), 1)])
        assert [running.group.gpus for running in engine.observe()] == [(1,)]
        reach(engine, "freed", 0)
        assert not engine.occupied()
        settled(engine)
        image = next(staged for staged in engine.staged if staged.stage == "decode")
        assert (image.gpu, image.worker) == (0, -1) and image.freed - image.start >= 1.0


def _before_decoding(act: Callable[[], None]) -> None:
    decode = Model.decode

    def wrapped(self: Model, ticket: Any) -> Any:
        act()
        return decode(self, ticket)

    Model.decode = wrapped  # type: ignore[method-assign]


def work_slowly(setting: WorkerSetting, connection: Connection) -> None:
    """Be a worker that computes for a second before each image."""

    def compute() -> None:
        until = time.monotonic() + 1.0
        while time.monotonic() < until:
            pass

    _before_decoding(compute)
    work(setting, connection)


def work_and_stop_in_an_image(setting: WorkerSetting, connection: Connection) -> None:
    """Be a worker that does steps, and hangs in its first image, as on a broken device."""
    mark = folder_of(setting) / "stopped"

    def stop() -> None:
        if not mark.exists():
            mark.write_text(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGSTOP)

    if setting.role != "stages":
        _before_decoding(stop)
    work(setting, connection)


def _stopped(engine: DistributedEngine) -> int:
    mark = shared_folder(engine) / "stopped"
    while not mark.exists() or not mark.read_text():
        engine.advance(engine.clock() + 0.05)
    return int(mark.read_text())


def test_a_leader_that_is_killed_while_it_decodes(config: EngineConfig) -> None:
    """Tests that no step is repeated and the image made by a worker for stages, and that its GPU is free for others."""
    request, other = Request(0, SHAPES[0], 3, 0.0, 99.0), Request(1, SHAPES[0], 3, 0.0, 99.0)
    with _engine(config, work_and_stop_in_an_image) as engine:
        _finish(engine, request)
        os.kill(_stopped(engine), signal.SIGKILL)
        reach(engine, "delivered", 0)
        (image,) = (staged for staged in engine.staged if staged.stage == "decode")
        assert (image.worker, image.gpu) == (0, -1)
        assert not engine.occupied()
        _finish(engine, other)
        reach(engine, "delivered", 1)
        assert [staged.gpu for staged in engine.staged if staged.stage == "decode"] == [-1, 0]
        assert sum(segment.steps for segment in engine.segments) == 6
        settled(engine)
        assert not states_of(engine)
    assert_equal_to_alone(config, [request, other])


def test_a_leader_that_hangs_while_it_decodes(config: EngineConfig) -> None:
    """Tests that it is replaced after the deadline, and the image made elsewhere."""
    request = Request(0, SHAPES[0], 3, 0.0, 99.0)
    with _engine(replace(config, deadline=2.0), work_and_stop_in_an_image) as engine:
        _finish(engine, request)
        hung = _stopped(engine)
        assert set(settled(engine)) == {0}
        assert not alive(hung) and pid_of(engine, 0) != hung
    assert_equal_to_alone(config, [request])


def work_and_fail_on_gpus(setting: WorkerSetting, connection: Connection) -> None:
    """Be a worker that does steps, and has no room to decode."""

    def fail() -> None:
        raise MemoryError("no room for the image")

    if setting.role != "stages":
        _before_decoding(fail)
    work(setting, connection)


def test_an_image_that_a_gpu_has_no_room_for(config: EngineConfig) -> None:
    """Tests that a worker for stages makes it, and the GPU goes on with steps."""
    requests = requests_of(4, seed=2)
    with _engine(config, work_and_fail_on_gpus) as engine:
        records = run(engine, CLUSTER, PROFILE, requests, RandomPlans(2))
    assert set(records.delivered) == {0, 1, 2, 3}
    assert {staged.gpu for staged in records.staged} == {-1}
    assert_equal_to_alone(config, requests)
