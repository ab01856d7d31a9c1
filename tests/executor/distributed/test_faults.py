"""Deaths, hangs and errors with requests in flight: nothing is lost, nothing is served twice, results stay equal."""

from __future__ import annotations

import math
import os
import random
import re
import signal
import threading
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from executor.arrivals import Incoming, Replay
from executor.distributed.config import EngineConfig, EngineError
from executor.distributed.controller.crew import Crew
from executor.distributed.controller.engine import DistributedEngine
from executor.distributed.local.transport import LocalTransport
from executor.distributed.worker.process import Worker, work
from executor.distributed.worker.setting import WorkerSetting
from executor.loop import serve
from executor.models.model import Model
from executor.models.random_models.build import build
from executor.records import Records
from executor.service import Service
from executor.testing import RandomPlans
from planner.plan import Assignment
from planner.request import Request
from planner.round import Cadence
from tests.executor.distributed.serving import (
    SHAPES,
    assert_equal_to_alone,
    cluster_of,
    decoded,
    engine_of,
    folder_of,
    meanwhile,
    pid_of,
    profile_of,
    requests_of,
    run,
    settled,
    shared_folder,
    spec_of,
    states_of,
)

CLUSTER = cluster_of(3)
PROFILE = profile_of(CLUSTER)
NEVER = 3600.0
"""A deadline, in seconds, longer than a test may take."""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> EngineConfig:
    """Build a tiny FLUX."""
    folder = tmp_path_factory.mktemp("faults")
    spec = spec_of(build("flux", folder / "flux"))
    return EngineConfig(spec, folder / "images", folder / "latents", deadline=20.0)


def _kill(engine: DistributedEngine, rank: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid_of(engine, rank), signal.SIGKILL)


def _until_running(engine: DistributedEngine, request: Request, gpus: tuple[int, ...]) -> None:
    """Bring a request to the middle of a long segment."""
    _start(engine, request, gpus)
    while not engine.steps:
        engine.advance(engine.advance(0.0)[0] + 0.01)


def _start(engine: DistributedEngine, request: Request, gpus: tuple[int, ...]) -> None:
    """Submit a request and plan all of its steps as soon as its text is encoded."""
    engine.submit(request)
    while not any(item.request == request.id for item in engine.advance(60.0)[1]):
        pass
    engine.carry_out([Assignment((request.id,), CLUSTER.group_of(gpus), request.steps)])


def _finish(engine: DistributedEngine, request: Request, gpus: tuple[int, ...]) -> int:
    """Let a request go on whenever it yields; return how often it did."""
    yielded = 0
    while True:
        for item in engine.advance(90.0)[1]:
            if item.kind == "finished":
                settled(engine)
                return yielded
            yielded += 1
            engine.carry_out([Assignment((request.id,), CLUSTER.group_of(gpus), request.steps)])


@pytest.mark.parametrize("victim", [0, 2])
def test_killed_in_mid_collective(config: EngineConfig, victim: int) -> None:
    """Tests that a leader's or a member's death costs at most a step, and that nobody waits for a deadline."""
    request = Request(0, SHAPES[2], 24, 0.0, 99.0)
    with engine_of(replace(config, deadline=NEVER), CLUSTER, PROFILE) as engine:
        _until_running(engine, request, (0, 1, 2))
        os.kill(pid_of(engine, victim), signal.SIGKILL)
        assert _finish(engine, request, (0, 1, 2)) == 1
        assert 24 <= len(engine.steps) <= 25
        assert len(engine.recoveries) == 1
    assert_equal_to_alone(config, [request], 4e-6)


def test_others_go_on(config: EngineConfig) -> None:
    """Tests that a group that has no part in a death is not touched by it."""
    hit, unharmed = Request(0, SHAPES[2], 20, 0.0, 99.0), Request(1, SHAPES[0], 40, 0.0, 99.0)
    with engine_of(config, CLUSTER, PROFILE) as engine:
        engine.submit(unharmed)
        _until_running(engine, hit, (0, 1))
        pair = Assignment((0,), CLUSTER.group_of((0, 1)), 20)
        engine.carry_out([pair, Assignment((1,), CLUSTER.group_of((2,)), 40)])
        os.kill(pid_of(engine, 1), signal.SIGKILL)
        finished: set[int] = set()
        while finished != {0, 1}:
            for item in engine.advance(60.0)[1]:
                if item.kind == "finished":
                    finished.add(item.request)
                elif item.kind == "yielded":
                    assert item.request == 0
                    engine.carry_out([pair, *(Assignment(r.jobs, r.group, 40) for r in engine.observe())])
        settled(engine)
        assert [s.steps for s in engine.segments if s.jobs == (1,)] == [40]
    assert_equal_to_alone(config, [hit, unharmed], 4e-6)


def test_hung_worker(config: EngineConfig) -> None:
    """Tests that a stopped worker is found by the deadline and replaced, it alone, and the request goes on."""
    request = Request(0, SHAPES[2], 20, 0.0, 99.0)
    with engine_of(replace(config, deadline=2.0), CLUSTER, PROFILE) as engine:
        _until_running(engine, request, (0, 1, 2))
        before = [pid_of(engine, rank) for rank in range(3)]
        os.kill(before[1], signal.SIGSTOP)
        assert _finish(engine, request, (0, 1, 2)) >= 1
        assert not Path(f"/proc/{before[1]}").exists()
        assert [pid_of(engine, rank) for rank in (0, 2)] == [before[0], before[2]]
    assert_equal_to_alone(config, [request], 4e-6)


def test_a_hang_says_what_was_late(config: EngineConfig) -> None:
    """Tests that when everybody hangs, what is told of it names workers, step, and what was waited for."""
    request = Request(0, SHAPES[2], 200, 0.0, 99.0)
    with engine_of(replace(config, deadline=1.5), CLUSTER, PROFILE) as engine:
        _until_running(engine, request, (0, 1))
        for rank in (0, 1):
            os.kill(pid_of(engine, rank), signal.SIGSTOP)
        (yielded,) = engine.advance(60.0)[1]
        assert yielded.kind == "yielded"
        late = r"did not end step \d+ in [\d.]+ s \(expected [^;]* s, engine\.deadline=1\.5 s\)"
        left = r"worker {} did not leave its group in [\d.]+ s"
        assert re.fullmatch(f"{left.format(0)}; {left.format(1)}; the group {late}", yielded.reason)
        _start_again(engine, request, (0, 1))


def _start_again(engine: DistributedEngine, request: Request, gpus: tuple[int, ...]) -> None:
    """Let a request that has yielded go on for a step, and drop it."""
    engine.carry_out([Assignment((request.id,), CLUSTER.group_of(gpus), 1)])
    assert [item.kind for item in engine.advance(60.0)[1]] == ["yielded"]
    engine.drop(request.id)


def test_stages_killed(config: EngineConfig) -> None:
    """Tests that requests whose encoder or decoder dies are encoded and decoded all the same."""
    requests = requests_of(8, seed=6)

    def kill(stop: threading.Event) -> None:
        for _ in range(3):
            stop.wait(0.15)
            _kill(engine, 3)

    with engine_of(config, CLUSTER, PROFILE) as engine, meanwhile(kill):
        records = run(engine, CLUSTER, PROFILE, requests, RandomPlans(6))
    assert len(records.delivered) == 8
    assert_equal_to_alone(config, requests)


def work_and_die_at_the_start(setting: WorkerSetting, connection: Connection) -> None:
    """Be a worker that, as number 1, dies before it is ready."""
    if setting.rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    work(setting, connection)


def test_killed_at_the_start(config: EngineConfig) -> None:
    """Tests that a worker that dies while it loads the model ends the start, and is named."""
    transport = LocalTransport(config.model.folder, work_and_die_at_the_start)
    with pytest.raises(EngineError, match="worker 1 died while it loaded the model"):
        Crew(config, CLUSTER, transport)


def work_and_die_in_warm_up(setting: WorkerSetting, connection: Connection) -> None:
    """Be a worker that, as number 1, dies the first time that it is to join a group."""
    join, mark = Worker._join, folder_of(setting) / "died"

    def dying(self: Worker, command: object) -> None:
        if setting.rank == 1 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        join(self, command)  # type: ignore[arg-type]

    Worker._join = dying  # type: ignore[method-assign,assignment]
    work(setting, connection)


def test_killed_in_warm_up(config: EngineConfig) -> None:
    """Tests that a worker that dies while groups are made is replaced, and requests on its groups end as ever."""
    request = Request(0, SHAPES[1], 12, 0.0, 99.0)
    transport = LocalTransport(config.model.folder, work_and_die_in_warm_up)
    with engine_of(replace(config, deadline=2.0), CLUSTER, PROFILE, transport) as engine:
        _start(engine, request, (0, 1, 2))
        _finish(engine, request, (0, 1, 2))
        assert (shared_folder(engine) / "died").exists()
    assert_equal_to_alone(config, [request], 4e-6)


def work_and_fail(setting: WorkerSetting, connection: Connection) -> None:
    """Be a worker that, as number 1, raises in its third step, and from the thirtieth on in every one."""
    step, count = Model.step, 0

    def failing(self: Model, tickets: object) -> None:
        nonlocal count
        count += 1
        if setting.rank == 1 and (count == 3 or count >= 30):
            raise ArithmeticError("cosmic ray")
        step(self, tickets)  # type: ignore[arg-type]

    Model.step = failing  # type: ignore[method-assign,assignment]
    work(setting, connection)


def test_error_in_one_member(config: EngineConfig) -> None:
    """Tests that an exception in one member frees the others at once, and the request goes on."""
    request = Request(0, SHAPES[1], 20, 0.0, 99.0)
    transport = LocalTransport(config.model.folder, work_and_fail)
    with engine_of(replace(config, deadline=NEVER), CLUSTER, PROFILE, transport) as engine:
        _until_running(engine, request, (0, 1, 2))
        assert _finish(engine, request, (0, 1, 2)) >= 1
        assert engine.recoveries
    assert_equal_to_alone(config, [request], 4e-6)


def test_error_that_stays(config: EngineConfig) -> None:
    """Tests that a request that fails again and again is given up with the reason, and another one is served."""
    hit, unharmed = Request(0, SHAPES[1], 50, 0.0, 99.0), Request(1, SHAPES[0], 10, 0.0, 99.0)
    with engine_of(config, CLUSTER, PROFILE, LocalTransport(config.model.folder, work_and_fail)) as engine:
        _until_running(engine, hit, (0, 1, 2))
        failed = None
        while failed is None:
            for item in engine.advance(60.0)[1]:
                failed = item if item.kind == "failed" else None
                if item.kind == "yielded":
                    engine.carry_out([Assignment((0,), CLUSTER.group_of((0, 1, 2)), 50)])
        assert failed.request == 0
        assert re.fullmatch(
            r"request 0 \(64x96, step \d+ of 50\) cannot be served: 3 failures in a row on GPUs 0,1,2: "
            r".*worker 1: ArithmeticError: cosmic ray.*",
            failed.reason,
        )
        assert engine.failures[0][1] == failed.reason
        assert not states_of(engine, 0)
        _start(engine, unharmed, (0, 2))
        assert _finish(engine, unharmed, (0, 2)) == 0
        assert set(decoded(engine)) == {1}
    assert_equal_to_alone(config, [unharmed], 4e-6)


def test_twenty_kills(config: EngineConfig) -> None:
    """Tests a run in which workers are killed twenty times while they work: every request once, all results equal."""
    generator = random.Random(8)
    kills = 0

    class UntilKilled(Replay):
        """At least 24 requests, and as many as come until all kills are done."""

        def take(self, now: float) -> list[Incoming]:
            """See `Source.take`."""
            if kills == 20 and self._taken >= 24:
                self.next = math.inf
            return super().take(now)

    def kill(stop: threading.Event) -> None:
        nonlocal kills
        while kills < 20 and not stop.wait(generator.uniform(0.05, 0.3)):
            busy = sorted(rank for chunk in list(engine._board.chunks.values()) for rank in chunk.group.gpus)
            if busy:
                _kill(engine, generator.choice(busy))
                kills += 1

    service = Service(CLUSTER, PROFILE, RandomPlans(8), Cadence("events", 0.05))
    with engine_of(config, CLUSTER, PROFILE) as engine:
        with meanwhile(kill):
            records = serve(service, engine, Records([]), UntilKilled(requests_of(1000, seed=8, every=0.3)))
        requests = records.requests
        done = {request.id: sum(s.steps for s in engine.segments if request.id in s.jobs) for request in requests}
        assert len(engine.recoveries) > 5  # some hit a group that had just ended
    assert kills == 20 and len(requests) >= 24
    assert records.complete
    assert set(records.delivered) == {request.id for request in requests}
    assert done == {request.id: request.steps for request in requests}
    assert_equal_to_alone(config, requests, 4e-6)
