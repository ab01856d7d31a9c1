"""States on their way from a step to all workers: what waits for what, with copies that arrive late."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from executor.distributed.config import EngineConfig
from executor.distributed.local.transport import LocalTransport
from executor.distributed.worker import process as workers
from executor.distributed.worker.process import work
from executor.distributed.worker.saving import InPlace, Rooms, Saving, copies_of
from executor.distributed.worker.setting import WorkerSetting
from executor.models.codec import Host, Packed, pack_with, unpack
from executor.models.random_models.build import build
from executor.testing import RandomPlans
from tests.executor.distributed.serving import (
    assert_equal_to_alone,
    cluster_of,
    engine_of,
    meanwhile,
    profile_of,
    requests_of,
    run,
    spec_of,
)

CLUSTER = cluster_of(3)
PROFILE = profile_of(CLUSTER)


class Late:
    """Copies as of a GPU, on a processor: values as they were when a copy began, there only once they were waited for."""

    beside = True

    def __init__(self, log: list[str] | None = None) -> None:
        self._log = [] if log is None else log
        self._ways: list[tuple[Tensor, Tensor]] = []

    def host(self, value: Tensor) -> Tensor:
        """Begin a copy."""
        self._ways.append((torch.full(value.shape, 0, dtype=value.dtype), value.clone()))
        return self._ways[-1][0]

    def begun(self) -> None:
        """Write down that a step's copies have begun."""
        self._log.append("begun")

    def arrived(self) -> None:
        """Let the copies arrive."""
        self._log.append("arrived")
        for there, then in self._ways:
            there.copy_(then)
        self._ways.clear()

    def wait_for_steps(self) -> None:
        """Wait for nothing."""


class Written:
    """States that write down what comes; the part of `executor.distributed.storage.States` that is written to."""

    def __init__(self, log: list[str]) -> None:
        self._log = log

    def write(self, request: int, steps: int, moving: bytes) -> None:
        """Write down request, steps, and the first value."""
        self._log.append(f"request {request}, step {steps}: {unpack(moving)[0]:g}")


class Counted:
    """A request whose latents are the number of steps done; of a `executor.models.ticket.Ticket` what leaves."""

    def __init__(self) -> None:
        self.step = 0
        self.latents = torch.zeros(1)

    def advance(self) -> None:
        """Do a step, in place, so that what has not left is lost."""
        self.step += 1
        self.latents += 1

    def leaving(self, host: Host) -> Packed:
        """Let the latents leave."""
        return pack_with(self.latents, host)


def _steps(log: list[str], copies: Any, count: int, tickets: Sequence[tuple[int, Any]]) -> None:
    """Do what a leader does."""
    states: Any = Written(log)
    with Saving(states, copies) as saving:
        for step in range(count):
            for _, ticket in tickets:
                ticket.advance()
            log.append(f"step {step + 1} is on the device")
            saving.finish()
            saving.begin(tickets)
        saving.finish()


def test_a_state_is_written_while_the_next_step_runs() -> None:
    """Tests that on a GPU a step begins before the state of the one before is there, and that state is what it was."""
    log: list[str] = []
    _steps(log, Late(log), 2, [(4, Counted()), (5, Counted())])
    assert log == [
        "step 1 is on the device",
        "begun",
        "step 2 is on the device",
        "arrived",
        "request 4, step 1: 1",
        "request 5, step 1: 1",
        "begun",
        "arrived",
        "request 4, step 2: 2",
        "request 5, step 2: 2",
    ]


def test_on_a_processor_it_is_written_at_once() -> None:
    """Tests that without a device each state is written before the next step."""
    log: list[str] = []
    assert isinstance(copies_of(torch.device("cpu")), InPlace)
    _steps(log, InPlace(), 2, [(4, Counted())])
    assert log == [
        "step 1 is on the device",
        "request 4, step 1: 1",
        "step 2 is on the device",
        "request 4, step 2: 2",
    ]


def test_what_had_begun_is_written_at_an_error() -> None:
    """Tests that a step that fails does not take the one before with it, unless the device has failed."""
    log: list[str] = []
    ticket: Any = Counted()
    states: Any = Written(log)
    with pytest.raises(ArithmeticError), Saving(states, Late(log)) as saving:
        ticket.advance()
        saving.begin([(4, ticket)])
        raise ArithmeticError("cosmic ray")
    assert log == ["begun", "arrived", "request 4, step 1: 1"]

    class Broken(Late):
        def arrived(self) -> None:
            raise RuntimeError("the device has failed")

    with pytest.raises(ArithmeticError), Saving(states, Broken()) as saving:
        saving.begin([(4, ticket)])
        raise ArithmeticError("cosmic ray")


def test_rooms_are_taken_by_one_at_a_time() -> None:
    """Tests that what has been taken is nobody else's until all is vacated, and that rooms are then used again."""
    made: list[int] = []

    def make(size: int) -> Tensor:
        made.append(size)
        return torch.empty(size, dtype=torch.uint8)

    rooms = Rooms(make)
    for _ in range(3):
        values = [torch.randn(2, 3), torch.randn(4).bfloat16(), torch.empty(0), torch.arange(2)]
        taken = [rooms.take(value) for value in values]
        for there, value in zip(taken, values, strict=True):
            there.copy_(value)
        for there, value in zip(taken, values, strict=True):
            torch.testing.assert_close(there, value, atol=0, rtol=0)
        rooms.vacate()
    assert made == [24, 8, 0, 16]
    large = torch.randn(7, 7)
    torch.testing.assert_close(rooms.take(large).copy_(large), large, atol=0, rtol=0)
    assert made == [24, 8, 0, 16, 196]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> EngineConfig:
    """Build a tiny Wan, whose scheduler has a history."""
    folder = tmp_path_factory.mktemp("saving")
    spec = spec_of(build("wan", folder / "wan"))
    return EngineConfig(spec, None, folder / "latents", deadline=20.0)


def work_with_late_copies(setting: WorkerSetting, connection: Connection) -> None:
    """Be a worker whose copies arrive late, as those of a GPU."""
    workers.copies_of = lambda device: Late()  # type: ignore[attr-defined]
    work(setting, connection)


@pytest.mark.parametrize("kills", [0, 8])
def test_requests_move_with_late_copies(kills: int, config: EngineConfig) -> None:
    """Tests that requests that change groups at random, also when workers die, are those of one process."""
    requests = requests_of(10, seed=11, every=0.1)
    generator = random.Random(11)

    def kill(stop: threading.Event) -> None:
        left = kills
        while left and not stop.wait(generator.uniform(0.05, 0.3)):
            busy = sorted(rank for chunk in list(engine._board.chunks.values()) for rank in chunk.group.gpus)
            if busy:
                left -= 1
                with suppress(ProcessLookupError):
                    os.kill(engine._fleet._links[generator.choice(busy)].pid, signal.SIGKILL)  # type: ignore[attr-defined]

    transport = LocalTransport(Path(config.model.folder), work_with_late_copies)
    with engine_of(config, CLUSTER, PROFILE, transport) as engine, meanwhile(kill):
        records = run(engine, CLUSTER, PROFILE, requests, RandomPlans(11))
    assert records.complete and set(records.delivered) == {request.id for request in requests}
    assert_equal_to_alone(config, requests, 1e-5)
