"""Workers that are handed from one engine to the next: loaded once, and nothing of the one meets the other."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace

import pytest

from executor.distributed import messages as m
from executor.distributed.config import EngineConfig, EngineError
from executor.distributed.controller import crew as crews
from executor.distributed.controller.crew import Crew
from executor.distributed.controller.engine import DistributedEngine
from executor.distributed.images import image_path
from executor.distributed.local.transport import LocalTransport, LocalWorker
from executor.distributed.worker.process import Worker, work
from executor.distributed.worker.setting import WorkerSetting
from executor.measure.grid import Grid
from executor.measure.steps import measure
from executor.models.random_models.build import build
from executor.models.spec import Ask
from executor.testing import RandomPlans
from planner.plan import Assignment
from planner.request import Request
from tests.executor.distributed.controller.test_fleet import Puppets
from tests.executor.distributed.serving import (
    SHAPES,
    alive,
    assert_equal_to_alone,
    cluster_of,
    engine_of,
    final_latents,
    folder_of,
    meanwhile,
    profile_of,
    requests_of,
    run,
    shared_folder,
    spec_of,
    states_of,
)

CLUSTER = cluster_of(3)
PROFILE = profile_of(CLUSTER)
GRID = Grid((SHAPES[0],), repeats=2, warmup=1)
STAGES = 3


class Counting(LocalTransport):
    """Local processes, each start written down."""

    def __init__(self, folder: Path, target: Callable[[WorkerSetting, Connection], None] = work) -> None:
        super().__init__(folder, target)
        self.started: list[int] = []

    def start(self, setting: WorkerSetting) -> LocalWorker:
        """Start a process."""
        worker = super().start(setting)
        self.started.append(worker.pid)
        return worker


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> EngineConfig:
    """Build a tiny FLUX."""
    folder = tmp_path_factory.mktemp("crew")
    spec = spec_of(build("flux", folder / "flux"))
    return EngineConfig(spec, folder / "images", folder / "latents", deadline=20.0)


def _pids(crew: Crew) -> list[int]:
    return [link.pid for link in crew.fleet._links]  # type: ignore[attr-defined]


def test_loaded_once_to_measure_and_to_serve(config: EngineConfig, tmp_path: Path) -> None:
    """Tests that the processes that were measured serve: images as of fresh ones, and nothing of what was measured."""
    requests = requests_of(8, seed=1)
    transport = Counting(config.model.folder)
    with Crew(config, CLUSTER, transport) as crew:
        before = _pids(crew)
        measured = measure(crew, GRID, "tiny")
        assert measured.communication.regroups and not any(config.images.iterdir())  # type: ignore[union-attr]
        engine = DistributedEngine(crew, PROFILE)
        records = run(engine, CLUSTER, PROFILE, requests, RandomPlans(1))
        assert transport.started == before == _pids(crew) and len(before) == STAGES + 1
        assert not states_of(engine)
        assert not [step for step in engine.steps if step.jobs[0] >= len(requests)]
    assert records.complete and set(records.delivered) == {request.id for request in requests}
    assert config.images is not None
    assert set(config.images.iterdir()) == {image_path(config.images, request) for request in requests}
    assert_equal_to_alone(config, requests)
    fresh = replace(config, images=None, latents=tmp_path)
    with engine_of(fresh, CLUSTER, PROFILE) as other:
        assert run(other, CLUSTER, PROFILE, requests, RandomPlans(2)).complete
    for request in requests:
        assert (final_latents(config, request.id) - final_latents(fresh, request.id)).abs().max() <= 2e-6


def _busy(crew: Crew) -> DistributedEngine:
    """Let an engine be in the middle of a segment of request 0, and of the text of request 1, with prompts of its own."""
    engine = DistributedEngine(crew, PROFILE, lambda request: Ask(request, "nobody's", 77))
    engine.submit(Request(0, SHAPES[2], 2000, 0.0, 99.0))
    while not engine.advance(60.0)[1]:
        pass
    engine.carry_out([Assignment((0,), CLUSTER.group_of((0, 1, 2)), 2000)])
    while len(engine.steps) < 3:
        engine.advance(engine.advance(0.0)[0] + 0.01)
    engine.submit(Request(1, SHAPES[1], 5, 0.0, 99.0))
    return engine


def test_an_engine_that_was_busy_is_forgotten(config: EngineConfig) -> None:
    """Tests that requests with the numbers of those that another engine left half done are served as if alone."""
    requests = requests_of(6, seed=2)
    with Crew(config, CLUSTER) as crew:
        before = _pids(crew)
        assert states_of(_busy(crew), 0)
        engine = DistributedEngine(crew, PROFILE)
        assert not states_of(engine)
        records = run(engine, CLUSTER, PROFILE, requests, RandomPlans(2))
        assert _pids(crew) == before
        assert not list(shared_folder(engine).rglob("*.*"))
    assert records.complete and set(records.delivered) == {request.id for request in requests}
    assert_equal_to_alone(config, requests)


def _once(setting: WorkerSetting, victim: int, sent: signal.Signals) -> None:
    """Let a worker get a signal when it is first handed over."""
    turn, mark = Worker._turn, folder_of(setting) / "hit"

    def hit(self: Worker, number: int) -> None:
        if setting.rank == victim and not mark.exists():
            mark.write_text(str(os.getpid()))
            os.kill(os.getpid(), sent)
        turn(self, number)

    Worker._turn = hit  # type: ignore[method-assign]


NEVER = 3600.0
"""A deadline, in seconds, longer than a test may take: who dies is not waited for."""


def work_and_die_at_the_turn(setting: WorkerSetting, connection: Connection) -> None:
    """Be a worker that, as number 1, dies when it is handed over."""
    _once(setting, 1, signal.SIGKILL)
    work(setting, connection)


def work_and_die_at_the_turn_with_stages(setting: WorkerSetting, connection: Connection) -> None:
    """Be a worker that, as the one for stages, dies when it is handed over."""
    _once(setting, STAGES, signal.SIGKILL)
    work(setting, connection)


def work_and_stop_at_the_turn(setting: WorkerSetting, connection: Connection) -> None:
    """Be a worker that, as number 1, is stopped when it is handed over."""
    _once(setting, 1, signal.SIGSTOP)
    work(setting, connection)


@pytest.mark.parametrize(
    ("target", "deadline"),
    [
        (work_and_die_at_the_turn, NEVER),
        (work_and_die_at_the_turn_with_stages, NEVER),
        (work_and_stop_at_the_turn, 8.0),
    ],
)
def test_hit_while_handed_over(
    target: Callable[[WorkerSetting, Connection], None], deadline: float, config: EngineConfig
) -> None:
    """Tests that a worker that dies, or hangs, between two engines is replaced, alone, and all requests are served."""
    requests = requests_of(6, seed=3)
    transport = Counting(config.model.folder, target)
    with Crew(replace(config, deadline=deadline), CLUSTER, transport) as crew:
        before = _pids(crew)
        _busy(crew)
        engine = DistributedEngine(crew, PROFILE)
        records = run(engine, CLUSTER, PROFILE, requests, RandomPlans(3))
        hit = int((shared_folder(engine) / "hit").read_text())
        assert not alive(hit)
        assert len(transport.started) == STAGES + 2
        assert [pid for pid in before if pid not in _pids(crew)] == [hit]
    assert records.complete and set(records.delivered) == {request.id for request in requests}
    assert_equal_to_alone(config, requests, 4e-6)


@pytest.mark.parametrize("victim", [0, STAGES])
def test_killed_between_engines(victim: int, config: EngineConfig) -> None:
    """Tests that a worker that was killed after measuring is replaced before anything is served."""
    requests = requests_of(6, seed=4)
    with Crew(config, CLUSTER) as crew:
        measure(crew, GRID, "tiny")
        before = _pids(crew)
        os.kill(before[victim], signal.SIGKILL)
        engine = DistributedEngine(crew, PROFILE)
        records = run(engine, CLUSTER, PROFILE, requests, RandomPlans(4))
        assert [rank for rank, pid in enumerate(_pids(crew)) if pid != before[rank]] == [victim]
    assert records.complete and set(records.delivered) == {request.id for request in requests}
    assert_equal_to_alone(config, requests, 4e-6)


def test_kills_at_random(config: EngineConfig) -> None:
    """Tests that workers may be killed at any time while they are measured, handed over, and serve, twice."""
    requests = requests_of(8, seed=6)
    generator = random.Random(6)
    grid = replace(GRID, repeats=20)
    with Crew(replace(config, deadline=5.0, attempts=20), CLUSTER) as crew:

        def kill(stop: threading.Event) -> None:
            kills = 0
            while kills < 10 and not stop.wait(generator.uniform(0.2, 0.8)):
                victim = generator.randrange(STAGES + 1)
                if crew.fleet.ready[victim]:
                    kills += 1
                    with suppress(OSError):
                        os.kill(_pids(crew)[victim], signal.SIGKILL)

        with meanwhile(kill):
            for turn in (1, 2):
                measured = measure(crew, grid, "tiny")
                assert {entry.degree for entry in measured.entries} == {1, 2, 3}
                engine = DistributedEngine(crew, PROFILE)
                records = run(engine, CLUSTER, PROFILE, requests, RandomPlans(turn))
                assert records.complete and set(records.delivered) == {request.id for request in requests}
                assert not states_of(engine)
    assert_equal_to_alone(config, requests, 4e-6)


def work_until_handed_over(setting: WorkerSetting, connection: Connection) -> None:
    """Be a worker that, once it has been handed over, can no longer be started."""
    if setting.turn > 0:
        os.kill(os.getpid(), signal.SIGKILL)
    _once(setting, 1, signal.SIGKILL)
    work(setting, connection)


def test_nobody_to_take_the_place(config: EngineConfig) -> None:
    """Tests that a worker that cannot be replaced ends the run with its number, and nothing is left."""
    with Crew(config, CLUSTER, LocalTransport(config.model.folder, work_until_handed_over)) as crew:
        DistributedEngine(crew, PROFILE)
        with pytest.raises(EngineError, match="worker 1 died 5 times in a row before it was ready"):
            run(DistributedEngine(crew, PROFILE), CLUSTER, PROFILE, requests_of(6, seed=5), RandomPlans(5))


def test_closed_twice(config: EngineConfig) -> None:
    """Tests that a crew may be closed early, and its context ends all the same."""
    with Crew(config, CLUSTER) as crew:
        pids = _pids(crew)
        crew.close()
        assert not [pid for pid in pids if alive(pid)]


def test_who_spoke_while_nobody_listened_is_not_late(config: EngineConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that workers that answer while another one is replaced, which takes longer than the deadline, are kept."""
    now, puppets, by_another = [0.0], Puppets(5), Crew.replace

    def slowly(self: Crew, rank: int) -> None:
        by_another(self, rank)
        now[0] += 60.0
        for puppet in puppets.made[1:4]:
            puppet.says.send(m.Turned(1))

    with Crew(config, CLUSTER, puppets) as crew:
        crew.take()
        monkeypatch.setattr(Crew, "replace", slowly)
        monkeypatch.setattr(crews, "time", SimpleNamespace(monotonic=lambda: now[0]))
        puppets.made[0].says.close()
        crew.take()
    assert len(puppets.made) == 5
