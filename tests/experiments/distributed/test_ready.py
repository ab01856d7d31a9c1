"""From a configuration to real workers: started once, measured, serving, and gone whatever happens in between."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from rich.console import Console

from executor.distributed.budget import Expected
from executor.distributed.config import EngineConfig, EngineError
from executor.distributed.controller import crew as crews
from executor.distributed.local.transport import LocalTransport, LocalWorker
from executor.distributed.worker.process import work
from executor.distributed.worker.setting import WorkerSetting
from executor.models.model import Model
from executor.records import Records
from experiments.cli import compose
from experiments.distributed import prepare as prepares
from experiments.distributed.engine import serve_on_workers
from experiments.distributed.prepare import prepared
from experiments.fidelity.__main__ import main
from experiments.serving import checked, ready
from profiles import Shape
from profiles.communication import Communication, GroupEntry
from tests.executor.distributed.controller.test_room import EXPECTED, work_on_a_small_gpu
from tests.executor.distributed.serving import alive, folder_of
from tests.experiments.distributed.test_run import CLASSES

FEW = ["workload=custom", CLASSES, "workload.requests=4", "workload.load=0.3", "workload.slo_scale=20"]
TINY = ["engine.device=cpu", "engine.width=tiny", "profile.repeats=2"]
WORKERS = 3
"""Two that do steps, and one for stages."""


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[LocalWorker]:
    """Write down every start of a worker."""
    found: list[LocalWorker] = []
    start = LocalTransport.start

    def recorded(self: LocalTransport, setting: WorkerSetting) -> LocalWorker:
        found.append(start(self, setting))
        return found[-1]

    monkeypatch.setattr(LocalTransport, "start", recorded)
    return found


def _with(target: Callable[[WorkerSetting, Connection], None], patch: pytest.MonkeyPatch) -> None:
    """Let workers be others."""

    def transport_of(config: EngineConfig, workers: int) -> LocalTransport:
        return LocalTransport(config.model.folder, target)

    patch.setattr(crews, "transport_of", transport_of)


def test_a_run_loads_once(tmp_path: Path, started: list[LocalWorker]) -> None:
    """Tests that measuring and serving take one start of each worker, and that workers are gone when all is served."""
    config = compose(["engine=distributed", *TINY, *FEW])
    with ready(config, checked(config), tmp_path, Console(file=io.StringIO())) as (setup, runner):
        assert len(started) == WORKERS and (tmp_path / "profile.json").exists()
        records = runner(setup, Records(setup.workload.requests), lambda _: None)
        assert len(started) == WORKERS
        assert not [worker for worker in started if alive(worker.pid)]
    assert records.complete and len(records.delivered) == 4
    assert sorted(path.name for path in (tmp_path / "images").iterdir()) == [f"{i:06d}.png" for i in range(4)]


def test_what_gpus_have_room_for_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that a run says how many groups fit, and again, with what has been measured, when the measured workers serve."""
    _with(work_on_a_small_gpu, monkeypatch)
    monkeypatch.setattr(prepares, "expected_of", lambda config, setup: EXPECTED)
    said = io.StringIO()
    config = compose(["engine=distributed", *TINY, *FEW])
    with ready(config, checked(config), tmp_path, Console(file=said, width=400)) as (setup, runner):
        runner(setup, Records(setup.workload.requests), lambda _: None)
    groups = [line for line in said.getvalue().splitlines() if line.startswith("Groups: ")]
    assert len(groups) == 2 and "(estimated)" in groups[0] and "(measured)" in groups[1]
    assert "of worker 0 and worker 2 for stages, has" in groups[0]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ([], Expected(Shape(128, 64), 1)),
        (["profile.batches=[1,2]"], Expected(Shape(128, 64), 2)),
    ],
)
def test_what_is_expected_of_a_gpu(more: list[str], expected: Expected) -> None:
    """Tests that the largest shape of the workload, in the largest batch that is measured, is what a GPU is asked for."""
    config = compose(["engine=distributed", *TINY, *FEW, *more])
    assert prepares.expected_of(config, checked(config)) == expected


def test_what_a_profile_says_of_groups_is_expected() -> None:
    """Tests that with a profile that is not measured here, its batches and what its groups take are what counts."""
    config = compose(["engine=distributed", *TINY, *FEW])
    setup = checked(config)
    profile = setup.service.profile
    batch = replace(profile.entries[-1], shape=Shape(128, 64), degree=1, batch=4, link="local")
    group = GroupEntry(2, "cpu", 0.1, 0.1, 123_456, "measured", "2026-01-01")
    known = replace(profile, entries=(*profile.entries, batch), communication=Communication(groups=(group,)))
    there = replace(setup, service=replace(setup.service, profile=known))
    assert prepares.expected_of({**config, "profile": {}}, there) == Expected(Shape(128, 64), 4, 123_456)


def test_a_comparison_loads_once_a_repeat(tmp_path: Path, started: list[LocalWorker]) -> None:
    """Tests that measuring, the other requests and those that are compared take one start of each worker."""
    assert main(["--repeats", "2", "--output", str(tmp_path / "out"), *TINY, *FEW]) == 0
    assert len(started) == 2 * WORKERS


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_what_goes_wrong_before_serving_ends_workers(
    error: type[BaseException], tmp_path: Path, started: list[LocalWorker]
) -> None:
    """Tests that workers end when something fails between measuring and serving, or the user stops it there."""
    config = compose(["engine=distributed", *TINY, *FEW])
    with pytest.raises(error), ready(config, checked(config), tmp_path, Console(file=io.StringIO())):
        assert len([worker for worker in started if alive(worker.pid)]) == WORKERS
        raise error
    assert not [worker for worker in started if alive(worker.pid)]


def work_and_fail(setting: WorkerSetting, connection: Connection) -> None:
    """Be a worker that does no step."""

    def fail(self: Model, tickets: object) -> None:
        raise ArithmeticError("cosmic ray")

    Model.step = fail  # type: ignore[assignment]
    work(setting, connection)


def test_a_measuring_that_fails_leaves_nothing(
    tmp_path: Path, started: list[LocalWorker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tests that steps that cannot be measured end the run with the reason, and every worker."""
    config = compose(["engine=distributed", *TINY, *FEW])
    _with(work_and_fail, monkeypatch)
    with (
        pytest.raises(EngineError, match=r"measuring .* broke 3 times, .*cosmic ray"),
        ready(config, checked(config), tmp_path, Console(file=io.StringIO())),
    ):
        pytest.fail("it was not measured")
    assert len(started) == WORKERS and not [worker for worker in started if alive(worker.pid)]
    assert not (tmp_path / "profile.json").exists()


def work_and_die_once(setting: WorkerSetting, connection: Connection) -> None:
    """Be a worker that, as number 1, dies once, in its fourth step."""
    step, count, mark = Model.step, 0, folder_of(setting) / "died"

    def dying(self: Model, tickets: object) -> None:
        nonlocal count
        count += 1
        if setting.rank == 1 and count == 4 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        step(self, tickets)  # type: ignore[arg-type]

    Model.step = dying  # type: ignore[method-assign,assignment]
    work(setting, connection)


def test_a_death_while_measured(tmp_path: Path, started: list[LocalWorker], monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that a worker that dies while it is measured is replaced once, and its replacement serves."""
    config = compose(["engine=distributed", *TINY, *FEW])
    _with(work_and_die_once, monkeypatch)
    with prepared(config, checked(config), tmp_path, Console(file=io.StringIO())) as (setup, crew):
        assert len(started) == WORKERS + 1
        records = serve_on_workers(setup, crew)
        assert len(started) == WORKERS + 1
    assert records.complete and len(records.delivered) == 4
