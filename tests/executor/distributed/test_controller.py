"""The engine on real processes: whatever plans do, every request ends as in one process."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from executor.distributed.config import EngineConfig, EngineError
from executor.distributed.controller import DistributedEngine
from executor.distributed.images import image_path
from executor.distributed.random_models.build import build
from executor.loop import Service, serve
from executor.records import Records
from planner.plan import Assignment
from planner.request import Request
from planner.round import Cadence
from planner.solvers.dp import GreedyDp
from tests.executor.distributed.serving import (
    SHAPES,
    RandomPlans,
    alive,
    alone,
    assert_equal_to_alone,
    cluster_of,
    final_latents,
    profile_of,
    requests_of,
    run,
    shared_folder,
    spec_of,
)

CLUSTER = cluster_of(3)
PROFILE = profile_of(CLUSTER, (1, 2))


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> EngineConfig:
    """Build a tiny FLUX."""
    folder = tmp_path_factory.mktemp("controller")
    spec = spec_of(build("flux", folder / "flux"))
    return EngineConfig(spec, folder / "images", folder / "latents", deadline=20.0)


@pytest.fixture
def engine(config: EngineConfig) -> Iterator[DistributedEngine]:
    """Three workers, and nothing left of them afterwards."""
    threads = set(threading.enumerate())
    with DistributedEngine(config, CLUSTER, PROFILE) as made:
        pids = [link.pid for link in made._fleet._links]  # type: ignore[attr-defined]
        yield made
    assert not [pid for pid in pids if alive(pid)]
    assert not shared_folder(made).exists()
    assert set(threading.enumerate()) <= threads


def test_random_plans(config: EngineConfig, engine: DistributedEngine) -> None:
    """Tests that requests moved over random groups by random plans equal one process's to 2e-6."""
    requests = requests_of(14, seed=1)
    records = run(engine, CLUSTER, PROFILE, requests, RandomPlans(1))
    assert records.complete
    assert set(records.delivered) == {request.id for request in requests}
    assert_equal_to_alone(config, requests)
    groups = {request.id: {s.gpus for s in engine.segments if request.id in s.jobs} for request in requests}
    assert sum(len(found) > 1 for found in groups.values()) >= 10
    assert {len(segment.gpus) for segment in engine.segments} == {1, 2, 3}
    for request in requests:
        assert sum(s.steps for s in engine.segments if request.id in s.jobs) == request.steps
        assert sum(request.id in step.jobs for step in engine.steps) == request.steps


def test_batches(config: EngineConfig, engine: DistributedEngine) -> None:
    """Tests that batches, formed and dissolved at any step, change nothing but rounding."""
    requests = requests_of(12, seed=2, every=0.0)
    records = run(engine, CLUSTER, PROFILE, requests, RandomPlans(2, batches=True))
    assert records.complete
    assert any(len(segment.jobs) == 2 for segment in engine.segments)
    assert_equal_to_alone(config, requests, 1e-5)


def test_images_carry_their_request(config: EngineConfig, engine: DistributedEngine) -> None:
    """Tests that each image is a PNG of the right size with prompt, seed and request in its metadata."""
    requests = requests_of(4, seed=3)
    run(engine, CLUSTER, PROFILE, requests, GreedyDp())
    assert config.images is not None
    for request in requests:
        with Image.open(image_path(config.images, request.id)) as image:
            assert image.size == (request.shape.width, request.shape.height)
            info = image.text  # type: ignore[attr-defined]
        assert info["prompt"] == config.prompts[request.id % len(config.prompts)]
        assert json.loads(info["request"])["seed"] == request.id
        assert json.loads(info["request"])["shape"] == request.shape.label
    assert not list(config.images.glob("*.partial"))


def test_yields_at_a_step_boundary(config: EngineConfig, engine: DistributedEngine) -> None:
    """Tests that a running segment that a plan does not name yields early, and its GPUs go on."""
    long, short = Request(0, SHAPES[2], 200, 0.0, 99.0), Request(1, SHAPES[0], 3, 0.0, 99.0)
    everyone = CLUSTER.group_of((0, 1, 2))
    engine.submit(long)
    engine.submit(short)
    ready: list[int] = []
    while len(ready) < 2:
        ready += [item.request for item in engine.advance(60.0)[1]]
    engine.carry_out([Assignment((0,), everyone, 200)])
    engine.advance(engine.advance(0.0)[0] + 0.3)
    (running,) = engine.observe()
    assert running.jobs == (0,)
    assert 1 <= running.begun < 200
    engine.carry_out([Assignment((1,), everyone, 3)])
    _, (yielded,) = engine.advance(60.0)
    assert (yielded.kind, yielded.request, yielded.planned) == ("yielded", 0, False)
    assert running.begun <= yielded.steps < 200
    _, (finished,) = engine.advance(60.0)
    assert (finished.kind, finished.request, finished.steps) == ("finished", 1, 3)
    engine.drop(0)
    engine.drain()
    assert engine.advance(float("inf")) == (float("inf"), [])


def test_goes_on_without_a_gap(config: EngineConfig, engine: DistributedEngine) -> None:
    """Tests that a plan that names a running segment again lengthens it, without a new chunk."""
    request = Request(0, SHAPES[1], 30, 0.0, 99.0)
    pair = CLUSTER.group_of((0, 2))
    engine.submit(request)
    assert engine.advance(60.0)[1][0].kind == "ready"
    engine.carry_out([Assignment((0,), pair, 10)])
    engine.carry_out([Assignment((0,), pair, 29)])
    _, progress = engine.advance(60.0)
    assert [(item.kind, item.steps) for item in progress] == [("finished", 30)]
    engine.drain()
    assert [segment.steps for segment in engine.segments] == [30]
    expected = alone(config, [request])[0]
    assert (final_latents(config, 0) - expected).abs().max() <= 4e-6


def test_dropped_requests_leave_nothing(config: EngineConfig, engine: DistributedEngine) -> None:
    """Tests that requests dropped before encoding, waiting and running are gone, others unharmed."""
    requests = [Request(i, SHAPES[0], 40, 0.0, 99.0) for i in range(3)]
    engine.submit(requests[0])
    engine.drop(0)
    engine.submit(requests[1])
    engine.submit(requests[2])
    ready: list[int] = []
    while len(ready) < 2:
        ready += [item.request for item in engine.advance(60.0)[1]]
    assert ready == [1, 2]
    engine.carry_out([Assignment((1,), CLUSTER.group_of((0, 1)), 40), Assignment((2,), CLUSTER.group_of((2,)), 40)])
    engine.drop(1)
    finished = engine.advance(60.0)[1]
    assert [(item.kind, item.request) for item in finished] == [("finished", 2)]
    assert list(engine.drain()) == [2]
    assert not list(shared_folder(engine).iterdir())


@pytest.mark.parametrize("model", ["sd3", "qwen", "wan"])
def test_other_models(model: str, tmp_path: Path) -> None:
    """Tests other families, with guidance, variable texts and multistep schedulers, end to end."""
    spec = spec_of(build(model, tmp_path / model))
    spec = replace(spec, inputs={}) if model == "qwen" else spec
    config = EngineConfig(spec, tmp_path / "images", tmp_path / "latents")
    cluster = cluster_of(2)
    profile = profile_of(cluster)
    requests = requests_of(5, seed=4, steps=(3, 5))
    with DistributedEngine(config, cluster, profile) as engine:
        records = run(engine, cluster, profile, requests, RandomPlans(4))
    assert records.complete
    assert_equal_to_alone(config, requests, 4e-6)
    assert len(list((tmp_path / "images").glob("*.png"))) == 5


def test_refused_request_is_named(config: EngineConfig) -> None:
    """Tests that a request that cannot be admitted ends the run with its number and the reason."""
    wrong = replace(config, model=replace(config.model, inputs={"max_length": 16}))
    with DistributedEngine(wrong, CLUSTER, PROFILE) as engine:
        engine.submit(Request(7, SHAPES[0], 3, 0.0, 9.0))
        with pytest.raises(EngineError, match=r"request 7 cannot be served: .*engine\.inputs has \['max_length'\]"):
            engine.advance(60.0)


def test_broken_model_is_named(config: EngineConfig, tmp_path: Path) -> None:
    """Tests that workers that cannot load the model end the start at once, with folder and part."""
    folder = build("flux", tmp_path / "flux")
    next(folder.glob("transformer/*.safetensors")).write_bytes(b"broken")
    with pytest.raises(EngineError, match=r"worker \d cannot start: .*flux: 'transformer' cannot be loaded"):
        DistributedEngine(replace(config, model=spec_of(folder)), CLUSTER, PROFILE)


def test_unwritable_images_are_refused_at_the_start(config: EngineConfig, tmp_path: Path) -> None:
    """Tests that a folder for images that cannot be made is refused before any worker starts."""
    (tmp_path / "file").write_text("")
    with pytest.raises(EngineError, match=r"engine\.images is '.*file/images', which cannot be written"):
        DistributedEngine(replace(config, images=tmp_path / "file" / "images"), CLUSTER, PROFILE)


def test_records_are_complete(config: EngineConfig, engine: DistributedEngine) -> None:
    """Tests that the same loop and records serve as in simulation, also with rounds."""
    requests = requests_of(8, seed=5)
    service = Service(CLUSTER, PROFILE, GreedyDp(), Cadence("rounds", 0.05))
    records = serve(service, engine, Records(requests))
    delivered = engine.drain()
    assert records.complete
    assert set(delivered) == set(records.delivered) == {request.id for request in requests}
    assert all(decision.at == pytest.approx(0.05 * round(decision.at / 0.05)) for decision in records.decisions)
    assert all(delivered[request.id] > request.arrival for request in requests)
