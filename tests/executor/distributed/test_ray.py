"""The engine on a Ray cluster of four machines, each with an address of its own: groups over machines, deaths, refusals."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import ray
from ray.cluster_utils import Cluster

from executor.distributed.config import EngineConfig, EngineError
from executor.distributed.controller.crew import Crew
from executor.distributed.controller.engine import DistributedEngine
from executor.distributed.images import image_path
from executor.distributed.on_ray.placement import Contents, check_machines, check_room, machines
from executor.distributed.on_ray.reception import Door
from executor.distributed.on_ray.session import RaySession, reach
from executor.distributed.on_ray.store import RayStates, RayStorage, start_keeper
from executor.distributed.on_ray.transport import RayTransport, work
from executor.distributed.worker.setting import WorkerSetting
from executor.measure.grid import Grid
from executor.measure.steps import measure
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
    engine_of,
    final_latents,
    profile_of,
    requests_of,
    run,
    settled,
    spec_of,
)
from tests.patience import PATIENCE

CLUSTER = cluster_of(3)
PROFILE = profile_of(CLUSTER)
MEMORY = 100 * 2**20
AHEAD = 1000.0
"""Seconds by which the clock of worker 1 is made to be ahead."""
QUICK = {"health_check_period_ms": 500, "health_check_timeout_ms": 2000, "health_check_failure_threshold": 3}
"""So that Ray takes seconds, not half a minute, to see that a machine is gone."""


@pytest.fixture(scope="module")
def cloud() -> Iterator[Any]:
    """Start Ray on four machines of one processor each; all of them are this one, under four addresses."""
    head = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": MEMORY, "_system_config": QUICK}
    made = Cluster(initialize_head=True, head_node_args=head)
    for i in range(2, 5):
        made.add_node(num_cpus=1, object_store_memory=MEMORY, node_ip_address=f"127.0.0.{i}")
    with RaySession(made.address):
        yield made
    made.shutdown()


@pytest.fixture(scope="module")
def config(cloud: Any, tmp_path_factory: pytest.TempPathFactory) -> EngineConfig:
    """Build a tiny FLUX."""
    folder = tmp_path_factory.mktemp("ray")
    spec = spec_of(build("flux", folder / "flux"))
    return EngineConfig(
        spec, folder / "images", folder / "latents", deadline=20.0, transport="ray", address=cloud.address
    )


def late(setting: WorkerSetting, door: Door) -> None:
    """Be a worker whose clock, as number 1, is ahead."""
    if setting.rank == 1:
        true = time.monotonic
        time.monotonic = lambda: true() + AHEAD
    work(setting, door)


@pytest.fixture(scope="module")
def engine(config: EngineConfig) -> Iterator[DistributedEngine]:
    """Three workers on three machines, and nothing of them left afterwards."""
    transport = RayTransport(config, 3, late)
    with engine_of(config, CLUSTER, PROFILE, transport) as made:
        pids = [link.pid for link in _links(made)]
        yield made
        pids += [link.pid for link in _links(made)]
    until = time.monotonic() + PATIENCE
    while ([pid for pid in pids if alive(pid)] or _held()) and time.monotonic() < until:
        time.sleep(0.05)
    assert not [pid for pid in pids if alive(pid)]
    assert not _held()


def _held() -> float:
    """Return the processors of the cluster that are not free."""
    held: float = ray.cluster_resources()["CPU"] - ray.available_resources().get("CPU", 0.0)
    return held


def _links(engine: DistributedEngine) -> list[Any]:
    return engine._fleet._links


def _hosts(engine: DistributedEngine) -> list[str]:
    assert isinstance(engine._crew.transport, RayTransport)
    return engine._crew.transport.hosts


def _start(engine: DistributedEngine, request: Request) -> None:
    """Bring a request to the middle of a long segment on all workers."""
    first = len(engine.steps)
    engine.submit(request)
    while not any(item.request == request.id for item in engine.advance(60.0 + engine.advance(0.0)[0])[1]):
        pass
    engine.carry_out([Assignment((request.id,), CLUSTER.group_of((0, 1, 2)), request.steps)])
    while len(engine.steps) < first + 3:
        engine.advance(engine.advance(0.0)[0] + 0.01)


def _finish(engine: DistributedEngine, request: Request, gpus: tuple[int, ...]) -> None:
    """Let a request go on, on other workers, as often as it yields."""
    while True:
        for item in engine.advance(engine.advance(0.0)[0] + 90.0)[1]:
            if item.kind == "finished":
                settled(engine)
                return
            engine.carry_out([Assignment((request.id,), CLUSTER.group_of(gpus), request.steps)])


def test_groups_over_machines(config: EngineConfig, engine: DistributedEngine, tmp_path: Path) -> None:
    """Tests that requests moved over groups of three machines equal those of local workers, and one process's, to 2e-6."""
    assert len(set(_hosts(engine))) == 3
    requests = requests_of(12, seed=1)
    records = run(engine, CLUSTER, PROFILE, requests, RandomPlans(1))
    assert records.complete and set(records.delivered) == {request.id for request in requests}
    groups = {request.id: {s.gpus for s in engine.segments if request.id in s.jobs} for request in requests}
    assert sum(len({len(gpus) for gpus in found}) > 1 for found in groups.values()) >= 6
    assert {len(segment.gpus) for segment in engine.segments} == {1, 2, 3}
    assert_equal_to_alone(config, requests)
    local = replace(config, transport="local", images=None, latents=tmp_path)
    with engine_of(local, CLUSTER, PROFILE) as other:
        assert run(other, CLUSTER, PROFILE, requests, RandomPlans(2)).complete
    for request in requests:
        assert (final_latents(config, request.id) - final_latents(local, request.id)).abs().max() <= 2e-6
        assert config.images is not None and image_path(config.images, request).stat().st_size > 100
    assert isinstance(engine._crew.transport, RayTransport)
    assert ray.get(engine._crew.transport.storage.keeper.count.remote()) == 0


def test_workers_are_as_urgent_as_the_controller(engine: DistributedEngine) -> None:
    """Tests that actors have the priority of this process; Ray's own is one at which a busy machine leaves them nothing."""
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert {os.getpriority(os.PRIO_PROCESS, link.pid) for link in _links(engine)} == {own}


def test_times_of_a_wrong_clock(engine: DistributedEngine) -> None:
    """Tests that steps of a machine whose clock is 1000 s ahead lie where the controller saw them."""
    assert _links(engine)[1].ahead == pytest.approx(AHEAD, abs=0.05)
    assert [_links(engine)[rank].ahead for rank in (0, 2, 3)] == pytest.approx([0, 0, 0], abs=0.05)
    now = engine.advance(0.0)[0]
    led = [step for step in engine.steps if step.gpus[0] == 1]
    assert led
    for step in engine.steps:
        assert -0.05 <= step.start < step.end <= now
    for segment in engine.segments:
        assert segment.start - 0.05 <= segment.end <= now


def failing(setting: WorkerSetting, door: Door) -> None:
    """Be a worker that does no step."""

    def fail(self: Model, tickets: object) -> None:
        raise ArithmeticError("cosmic ray")

    Model.step = fail  # type: ignore[assignment]
    work(setting, door)


def test_a_measuring_that_fails_leaves_nothing(config: EngineConfig, engine: DistributedEngine) -> None:
    """Tests that actors whose steps cannot be measured end with the error, and give their places back."""
    held, one = _held(), cluster_of(1)
    with (
        pytest.raises(EngineError, match=r"measuring steps .* broke 3 times, .*cosmic ray"),
        Crew(config, one, RayTransport(config, 1, failing)) as crew,
    ):
        pids = [link.pid for link in crew.fleet._links]  # type: ignore[attr-defined]
        measure(crew, Grid((SHAPES[0],), repeats=2, warmup=1), "tiny")
    until = time.monotonic() + PATIENCE
    while ([pid for pid in pids if alive(pid)] or _held() > held) and time.monotonic() < until:
        time.sleep(0.05)
    assert not [pid for pid in pids if alive(pid)] and _held() == held


def test_killed_actor(config: EngineConfig, engine: DistributedEngine) -> None:
    """Tests that a request whose leader is killed goes on at once on others, and another actor takes its place."""
    request = Request(100, SHAPES[2], 24, 0.0, 9e9)
    before, recoveries = len(engine.steps), len(engine.recoveries)
    _start(engine, request)
    killed = _links(engine)[0].pid
    os.kill(killed, signal.SIGKILL)
    _finish(engine, request, (1, 2))
    assert 24 <= len(engine.steps) - before <= 25
    assert engine.recoveries[recoveries:]
    assert_equal_to_alone(config, [request], 4e-6)
    _until_ready(engine)
    assert _links(engine)[0].pid != killed


def test_killed_machine(cloud: Any, config: EngineConfig, engine: DistributedEngine) -> None:
    """Tests that a request goes on when a machine dies, whose worker comes back on another."""
    request = Request(101, SHAPES[2], 24, 0.0, 9e9)
    hosts = _hosts(engine)
    victim = next(rank for rank in (2, 1) if hosts[rank].startswith("127."))
    (node,) = [node for node in cloud.worker_nodes if node.node_ip_address == hosts[victim]]
    _start(engine, request)
    cloud.remove_node(node, allow_graceful=False)
    with suppress(ProcessLookupError):
        os.kill(_links(engine)[victim].pid, signal.SIGKILL)
    others = tuple(rank for rank in range(3) if rank != victim)
    _finish(engine, request, others)
    _until_ready(engine)
    assert _hosts(engine)[victim] not in ("", hosts[victim])
    assert len(set(_hosts(engine))) == 3
    requests = [replace(request, id=request.id + 200) for request in requests_of(6, seed=3)]
    now = engine.advance(0.0)[0]
    late = [replace(request, arrival=now, deadline=now + 60) for request in requests]
    for one in late:
        engine.submit(one)
    _serve(engine, late)
    assert_equal_to_alone(config, [request, *requests], 4e-6)


def test_handed_over(config: EngineConfig, engine: DistributedEngine) -> None:
    """Tests that actors that were measured serve under a second engine, with nothing kept of the first."""
    crew, pids = engine._crew, [link.pid for link in _links(engine)]
    measure(crew, Grid((SHAPES[0],), repeats=2, warmup=1), "tiny")
    requests = requests_of(6, seed=7)
    served = DistributedEngine(crew, PROFILE)
    assert run(served, CLUSTER, PROFILE, requests, RandomPlans(7)).complete
    assert [link.pid for link in _links(served)] == pids
    assert_equal_to_alone(config, requests)
    assert isinstance(crew.transport, RayTransport)
    assert ray.get(crew.transport.storage.keeper.count.remote()) == 0


def _serve(engine: DistributedEngine, requests: list[Request]) -> None:
    """Let random groups of all workers do each request, two steps at a time."""
    generator, left = random.Random(5), {request.id: request for request in requests}
    ready: list[int] = []
    while left:
        for item in engine.advance(engine.advance(0.0)[0] + 60.0)[1]:
            if item.kind == "finished":
                left.pop(item.request)
            elif item.kind != "delivered":
                ready.append(item.request)
        if not engine.observe() and ready:
            group = CLUSTER.group_of(sorted(generator.sample(range(3), generator.randint(1, 3))))
            engine.carry_out([Assignment((ready.pop(0),), group, 2)])
    settled(engine)


def _until_ready(engine: DistributedEngine) -> None:
    until = time.monotonic() + PATIENCE
    while not all(engine._fleet.ready) and time.monotonic() < until:
        engine.advance(engine.advance(0.0)[0] + 0.1)
    assert all(engine._fleet.ready)


def test_states_outlive_their_writer(cloud: Any) -> None:
    """Tests that states are the last ones written, survive their writer, and are gone when they are removed."""
    keeper = start_keeper()
    states = RayStates(keeper, 0)
    states.admit(1, b"prompt", bytes(2_000_000))

    def writer(keeper: Any) -> None:
        mine = RayStates(keeper, 0)
        for steps in range(1, 4):
            mine.write(1, steps, bytes([steps]) * 2_000_000)
        mine.settle(1)
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(ray.exceptions.WorkerCrashedError):
        ray.get(ray.remote(num_cpus=0, max_retries=0)(writer).remote(keeper))
    assert states.read(1) == (3, bytes([3]) * 2_000_000)
    assert states.fixed(1) == b"prompt"
    states.write(1, 2, b"late")
    states.settle(1)
    assert states.read(1).steps == 3
    states.remove(1)
    states.remove(1)
    states.write(1, 4, b"too late")
    states.settle(1)
    for read in (states.read, states.fixed):
        with pytest.raises(FileNotFoundError, match="request 1"):
            read(1)
    RayStates(keeper, 1).admit(1, b"", b"of the next turn")
    states.admit(1, b"", b"of this one")
    RayStorage(keeper).forget(0)
    assert RayStates(keeper, 1).read(1) == (0, b"of the next turn")
    assert ray.get(keeper.count.remote()) == 1
    ray.kill(keeper)
    with pytest.raises(EngineError, match="keeps requests' states has died"):
        for _ in range(100):  # it goes on until the kill reaches it
            with suppress(FileNotFoundError):
                states.read(1)
            time.sleep(0.1)


def test_no_room(cloud: Any, config: EngineConfig) -> None:
    """Tests that more workers than machines can take are refused with both numbers, by machine."""
    threads = set(threading.enumerate())
    with pytest.raises(
        EngineError, match=r"9 workers with 1 CPU each .* room for \d \(.*127\.0\.0\.\d: 1.*engine.workers"
    ):
        RayTransport(config, 9)
    with pytest.raises(EngineError, match=r"2 workers with a GPU each are needed, but .* room for 0"):
        RayTransport(replace(config, device="cuda"), 2)
    assert set(threading.enumerate()) <= threads
    check_room(machines({"CPU": 1.0}), 3, {"CPU": 1.0})


def test_what_machines_lack(cloud: Any, tmp_path: Path) -> None:
    """Tests that a machine without the model, with another version, or without the project is named."""
    found = machines({"CPU": 1.0})
    host = next(machine.host for machine in found if machine.host.startswith("127."))

    def without_model(folder: Path) -> Contents:
        return Contents(ray.util.get_node_ip_address() != host, {"torch": "1", "diffusers": "1"})

    def other_version(folder: Path) -> Contents:
        return Contents(True, {"torch": "2" if ray.util.get_node_ip_address() == host else "1", "diffusers": "1"})

    def broken(folder: Path) -> Contents:
        if ray.util.get_node_ip_address() == host:
            raise ImportError("No module named 'executor'")
        return Contents(True, {"torch": "1", "diffusers": "1"})

    with pytest.raises(EngineError, match=rf"engine.model is '{tmp_path}', which the machine {host} .* does not have"):
        check_machines(found, tmp_path, without_model)
    with pytest.raises(EngineError, match=rf"machine {host} .* has torch 2, this one 1"):
        check_machines(found, tmp_path, other_version)
    with pytest.raises(EngineError, match=rf"machine {host} .* cannot run workers; .* No module named 'executor'$"):
        check_machines(found, tmp_path, broken)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("127.0.0.1:1", r"engine.transport.address is '127.0.0.1:1', where nothing answers: .*ray start --head"),
        ("ray://127.0.0.1:10001", "use HOST:PORT"),
        ("somewhere", "use HOST:PORT"),
    ],
)
def test_no_cluster_there(address: str, words: str) -> None:
    """Tests that an address where no cluster is, or that is none, is refused by name, at once."""
    with pytest.raises(EngineError, match=words):
        reach(address)
