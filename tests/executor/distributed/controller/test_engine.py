"""The engine on real processes: whatever plans do, every request ends as in one process."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import av
import pytest
from diffusers.models.attention_dispatch import AttentionBackendName, _AttentionBackendRegistry
from PIL import Image

from executor.distributed.config import EngineConfig, EngineError
from executor.distributed.controller import arrangements
from executor.distributed.controller.crew import Crew
from executor.distributed.controller.engine import DistributedEngine
from executor.distributed.images import image_path
from executor.distributed.local.latents import Shared
from executor.distributed.local.transport import LocalTransport
from executor.distributed.worker.process import work
from executor.distributed.worker.setting import WorkerSetting
from executor.film import frames_of
from executor.loop import serve
from executor.models import loading, model
from executor.models.random_models.build import build
from executor.models.spec import ModelSpec
from executor.records import Records
from executor.service import Service
from executor.testing import RandomPlans, check_engine
from planner.plan import Assignment
from planner.request import Request
from planner.round import Cadence
from planner.solvers.dp import GreedyDp
from profiles.shape import Shape
from tests.executor.distributed.serving import (
    SHAPES,
    alive,
    alone,
    assert_equal_to_alone,
    cluster_of,
    engine_of,
    final_latents,
    profile_of,
    requests_of,
    run,
    settled,
    spec_of,
    states_of,
)
from tests.executor.distributed.variants import edit, wan22, with_scheduler

CLUSTER = cluster_of(3)
PROFILE = profile_of(CLUSTER, (1, 2))


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> EngineConfig:
    """Build a tiny FLUX."""
    folder = tmp_path_factory.mktemp("controller")
    spec = spec_of(build("flux", folder / "flux"))
    return EngineConfig(spec, folder / "images", folder / "latents", deadline=20.0)


@pytest.fixture(scope="module")
def crew(config: EngineConfig) -> Iterator[Crew]:
    """Three workers, which tests take turns on, and nothing left of them afterwards."""
    threads = set(threading.enumerate())
    with Crew(config, CLUSTER) as made:
        pids = [link.pid for link in made.fleet._links]  # type: ignore[attr-defined]
        yield made
    assert not [pid for pid in pids if alive(pid)]
    assert isinstance(made.transport.storage, Shared) and not made.transport.storage.folder.exists()
    assert set(threading.enumerate()) <= threads


@pytest.fixture
def engine(crew: Crew) -> DistributedEngine:
    """Make an engine of a test's own."""
    return DistributedEngine(crew, PROFILE)


def test_conformance(config: EngineConfig, engine: DistributedEngine) -> None:
    """Tests that the engine keeps what every engine keeps, with batches and requests that are cancelled."""
    check_engine(lambda requests: engine, CLUSTER, PROFILE, SHAPES, every=0.05, batches=True, real_clock=True)


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
        with Image.open(image_path(config.images, request)) as image:
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
    settled(engine)
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
    settled(engine)
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
    assert settled(engine) == [2]
    assert not states_of(engine)


@pytest.mark.parametrize("family", ["sd3", "qwen", "wan"])
def test_other_models(family: str, tmp_path: Path) -> None:
    """Tests other families, with guidance, variable texts and multistep schedulers, end to end."""
    spec = spec_of(build(family, tmp_path / family))
    spec = replace(spec, inputs={}) if family == "qwen" else spec
    config = EngineConfig(spec, tmp_path / "images", tmp_path / "latents")
    cluster = cluster_of(2)
    profile = profile_of(cluster)
    requests = requests_of(5, seed=4, steps=(3, 5))
    with engine_of(config, cluster, profile) as engine:
        records = run(engine, cluster, profile, requests, RandomPlans(4))
    assert records.complete
    assert_equal_to_alone(config, requests, 4e-6)
    assert len(list((tmp_path / "images").glob("*.png"))) == 5


def test_requests_with_frames_become_films(tmp_path: Path) -> None:
    """Tests that a video is an MP4 with its frames, its size, and prompt and request in its metadata."""
    shape = Shape(64, 64, 5)
    entries = [replace(entry, shape=shape) for entry in PROFILE.entries if entry.shape == SHAPES[0]]
    profile = replace(PROFILE, entries=(*PROFILE.entries, *entries))
    config = EngineConfig(spec_of(build("wan", tmp_path / "wan")), tmp_path / "images")
    request = Request(0, shape, 2, 0.0, 99.0)
    with engine_of(config, CLUSTER, profile) as engine:
        records = run(engine, CLUSTER, profile, [request], RandomPlans(1))
    assert records.complete
    data = image_path(tmp_path / "images", request).read_bytes()
    assert [frame.size for frame in frames_of(data)] == [(64, 64)] * 5
    with av.open(io.BytesIO(data)) as container:
        assert container.metadata["title"] == config.prompts[0]
        assert json.loads(container.metadata["comment"])["shape"] == shape.label


def test_unknown_inputs_are_refused_at_the_start(config: EngineConfig) -> None:
    """Tests that inputs that the pipeline does not take end the start with their name."""
    wrong = replace(config, model=replace(config.model, inputs={"max_length": 16}))
    with pytest.raises(EngineError, match=r"worker \d cannot start: engine\.inputs has \['max_length'\]"):
        Crew(wrong, CLUSTER)


def test_unsuitable_requests_end_alone(config: EngineConfig, engine: DistributedEngine) -> None:
    """Tests that requests that cannot be admitted are dropped with request, shape, step and reason, and others served."""
    good = requests_of(4, seed=11)
    bad = (Request(4, Shape(100, 100), 4, 0.05, 60.0), Request(5, Shape(64, 64, 3), 4, 0.06, 60.0))
    records = run(engine, CLUSTER, PROFILE, [*good, *bad], RandomPlans(11))
    assert records.complete
    assert set(records.delivered) == {request.id for request in good}
    assert set(records.dropped) == set(records.failed) == {4, 5} == set(engine.failures)
    assert re.match(
        r"request 4 \(100x100, step 0 of 4\) cannot be served: ValueError: shape 100x100: .*multiples of 16 pixels, as 96x96",
        records.failed[4],
    )
    assert "request 5 (64x64x3, step 0 of 4) cannot be served: ValueError: shape 64x64x3" in records.failed[5]
    assert records.fate(bad[0]) == "dropped"
    assert not states_of(engine)
    assert_equal_to_alone(config, good)


def test_a_model_that_changes_is_not_mixed(config: EngineConfig, tmp_path: Path) -> None:
    """Tests that a worker that takes a dead one's place does not load another model than the others have."""
    folder = build("flux", tmp_path / "flux")
    with engine_of(replace(config, model=spec_of(folder)), CLUSTER, PROFILE) as engine:
        next(folder.glob("transformer/*.safetensors")).touch()
        os.kill(engine._fleet._links[1].pid, signal.SIGKILL)  # type: ignore[attr-defined]
        with pytest.raises(
            EngineError, match=r"flux: transformer/.*safetensors has changed since the run began, .* 1 would"
        ):
            engine.advance(20.0)


@pytest.mark.parametrize(
    ("scheduler", "config_"),
    [("FlowMatchEulerDiscreteScheduler", {"stochastic_sampling": True}), ("FlowMatchLCMScheduler", {})],
)
def test_stochastic_schedulers(scheduler: str, config_: dict[str, bool], tmp_path: Path) -> None:
    """Tests that members of a group, and the groups that a request moves through, draw the same noise."""
    folder = with_scheduler(build("sd3", tmp_path / "sd3"), scheduler, **config_)
    config = EngineConfig(spec_of(folder), None, tmp_path / "latents")
    requests = requests_of(9, seed=4, steps=(3, 5))
    with engine_of(config, CLUSTER, PROFILE) as engine:
        records = run(engine, CLUSTER, PROFILE, requests, RandomPlans(4))
        assert {len(segment.gpus) for segment in engine.segments} == {1, 2, 3}
    assert records.complete and not records.failed
    assert_equal_to_alone(config, requests, 1e-5)


def test_two_transformers(tmp_path: Path) -> None:
    """Tests that Wan 2.2, with a transformer for each end of the timesteps, ends as in one process."""
    config = EngineConfig(spec_of(wan22(tmp_path)), None, tmp_path / "latents")
    requests = requests_of(4, seed=4, steps=(5, 6))
    with engine_of(config, CLUSTER, PROFILE) as engine:
        records = run(engine, CLUSTER, PROFILE, requests, RandomPlans(4, batches=True))
    assert records.complete and not records.failed
    assert_equal_to_alone(config, requests, 1e-5)


def test_a_backend_from_the_environment(config: EngineConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that workers attend with the backend that DIFFUSERS_ATTN_BACKEND names, over all members."""
    other = replace(config, images=None, latents=tmp_path)
    transport = LocalTransport(config.model.folder, work_with_flex)
    requests = requests_of(4, seed=12)
    with engine_of(other, CLUSTER, PROFILE, transport) as engine:
        records = run(engine, CLUSTER, PROFILE, requests, RandomPlans(12))
        assert max(len(segment.gpus) for segment in engine.segments) > 1
    assert records.complete and not records.failed
    assert_equal_to_alone(other, requests, 4e-6)


def work_with_flex(setting: WorkerSetting, connection: Connection) -> None:
    """Be a worker as one that was started with DIFFUSERS_ATTN_BACKEND=flex."""
    _AttentionBackendRegistry.set_active_backend(AttentionBackendName.FLEX)
    work(setting, connection)


def work_with_a_local_processor(setting: WorkerSetting, connection: Connection) -> None:
    """Be a worker one of whose attention modules goes its own way."""
    load = loading.load_pipeline

    def loaded(*arguments: Any) -> Any:
        pipeline = load(*arguments)
        pipeline.transformer.transformer_blocks[1].attn.set_processor(LocalProcessor())
        return pipeline

    model.load_pipeline = loaded
    work(setting, connection)


class LocalProcessor:
    """A processor that attends by itself, as those of xformers do."""

    def __call__(self, attn: Any, hidden_states: Any, encoder_hidden_states: Any, *others: Any, **kwargs: Any) -> Any:
        """Attend to nobody."""
        return hidden_states, encoder_hidden_states


def test_local_attention_is_found_at_admission(config: EngineConfig) -> None:
    """Tests that a module that would attend to its own shard ends requests before any step, named with its backend."""
    transport = LocalTransport(config.model.folder, work_with_a_local_processor)
    with engine_of(config, CLUSTER, PROFILE, transport) as engine:
        engine.submit(Request(0, SHAPES[0], 3, 0.0, 9.0))
        ((failed,),) = (engine.advance(60.0)[1],)
        assert failed.kind == "failed"
        assert re.search(
            r"request 0 .* AttentionError: attention module 'transformer_blocks\.1\.attn' did not attend to the tokens of "
            r"the other 2 members: processor LocalProcessor, attention backend 'native'",
            failed.reason,
        )
        assert not engine.steps


def test_keys_do_not_grow(config: EngineConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that the store holds no more of groups that are over after twice as many changes of groups."""
    monkeypatch.setattr(arrangements, "_KEPT", 4)
    request = Request(0, SHAPES[0], 40, 0.0, 99.0)
    pairs = [CLUSTER.group_of(gpus) for gpus in ((0, 1), (1, 2), (0, 2))]
    with engine_of(replace(config, groups=1, warm=False, images=None), CLUSTER, PROFILE) as engine:
        store = engine._crew._arrangements._store
        assert store is not None
        engine.submit(request)
        assert engine.advance(60.0)[1][0].kind == "ready"
        keys = []
        for step in range(40):
            engine.carry_out([Assignment((0,), pairs[step % 3], 1)])
            assert engine.advance(60.0)[1]
            keys.append(len(store.list_keys()))
        settled(engine)
    assert max(keys[:20]) == max(keys[20:]) <= 2 * 7


def test_broken_model_is_named(config: EngineConfig, tmp_path: Path) -> None:
    """Tests that workers that cannot load the model end the start at once, with folder and part."""
    folder = build("flux", tmp_path / "flux")
    next(folder.glob("transformer/*.safetensors")).write_bytes(b"broken")
    with pytest.raises(EngineError, match=r"worker \d cannot start: .*flux: 'transformer' cannot be loaded"):
        Crew(replace(config, model=spec_of(folder)), CLUSTER)


def test_texts_that_cannot_be_encoded_are_told_at_the_start(config: EngineConfig, tmp_path: Path) -> None:
    """Tests that a text encoder with fewer words than its tokenizer ends the start, and not each request."""
    folder = build("flux", tmp_path / "flux")
    edit(folder / "text_encoder_2" / "config.json", vocab_size=2)
    for file in folder.glob("*/*.safetensors"):
        file.unlink()
    with pytest.raises(EngineError, match=r"worker \d cannot start: .*flux: no text can be encoded: IndexError"):
        Crew(replace(config, model=ModelSpec(folder, weights="random", inputs={"max_sequence_length": 16})), CLUSTER)


def test_unwritable_images_are_refused_at_the_start(config: EngineConfig, tmp_path: Path) -> None:
    """Tests that a folder for images that cannot be made is refused before any worker starts."""
    (tmp_path / "file").write_text("")
    with pytest.raises(EngineError, match=r"engine\.images is '.*file/images', which cannot be written"):
        Crew(replace(config, images=tmp_path / "file" / "images"), CLUSTER)


def test_records_are_complete(config: EngineConfig, engine: DistributedEngine) -> None:
    """Tests that the same loop and records serve as in simulation, also with rounds."""
    requests = requests_of(8, seed=5)
    service = Service(CLUSTER, PROFILE, GreedyDp(), Cadence("rounds", 0.05))
    records = serve(service, engine, Records(requests))
    assert records.complete and settled(engine)
    assert set(records.delivered) == {request.id for request in requests}
    assert all(decision.at == pytest.approx(0.05 * round(decision.at / 0.05)) for decision in records.decisions)
    assert all(records.delivered[request.id] > request.arrival for request in requests)
