"""A worker's commands, in this process: what it says when its group is broken off under a step."""

from __future__ import annotations

import threading
from multiprocessing import Pipe
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tqdm import tqdm

from executor.distributed import messages as m
from executor.distributed.controller.arrangements import host_store
from executor.distributed.group_names import Named
from executor.distributed.worker import process as workers
from executor.distributed.worker.groups import Groups, Membership
from executor.distributed.worker.process import Worker
from executor.distributed.worker.setting import WorkerSetting
from tests.executor.distributed.worker.spinning import Spinning
from tests.patience import PATIENCE


class Nowhere:
    """States that nobody may write: those of a broken step are wrong."""

    def settle(self, request: int) -> None:
        """Nothing is under way."""

    def release(self, request: int) -> None:
        """Nothing is held."""

    def states(self, turn: int) -> Nowhere:
        """Return this; it is the storage, too."""
        return self


class Stepping:
    """A model whose step is one exchange, which a device waits for."""

    def __init__(self, *setting: object) -> None:
        self.transformers: list[Any] = []
        self.group: Membership | None = None

    def step(self, tickets: list[Any]) -> None:
        """Exchange something, and advance whatever came."""
        assert self.group is not None
        self.group.all_gather(torch.empty(2), torch.empty(1))
        for ticket in tickets:
            ticket.step += 1


class Request:
    """A request that has done no step."""

    step = 0


def test_a_step_in_a_broken_group_is_not_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that a worker that a GPU holds is freed by a word of the controller, and tells of a break, never of a step."""
    monkeypatch.setattr(workers, "Model", Stepping)
    device = Spinning()
    group = Membership("0-1.7", 0, 2, device, Spinning())
    monkeypatch.setattr(Groups, "_build", lambda self, name, members: group)
    store, rendezvous = host_store(PATIENCE)
    ours, theirs = Pipe()
    no_model: Any = SimpleNamespace(compiler=None)
    storage: Any = Nowhere()
    worker = Worker(WorkerSetting(0, "denoise", no_model, rendezvous, storage, degree=2), theirs)
    model, request = worker._model, Request()
    assert isinstance(model, Stepping)
    model.group = group
    worker._held._at_hand[4] = request  # type: ignore[assignment]
    served = threading.Thread(target=worker.serve)
    served.start()
    ours.send(m.Run(1, (4,), (0,), Named("0-1.7", (0, 1)), 3, 3))
    assert device.spins.wait(PATIENCE)
    ours.send(m.Abort("0-1.7"))
    ours.send(m.Stop())
    served.join(PATIENCE)
    assert not served.is_alive() and request.step == 1
    said = [ours.recv() for _ in range(2)]
    assert said == [m.Ready(), m.Broke(1, Named("0-1.7", (0, 1)), "RuntimeError: group '0-1.7' was broken off")]
    assert not ours.poll() and not worker._held._at_hand
    worker.close(), ours.close(), theirs.close()
    del store


def test_a_worker_leaves_no_lock_between_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that progress bars of libraries, which compilers show, make no semaphore that a worker would leave behind."""
    monkeypatch.setattr(workers.signal, "signal", lambda *_: None)
    monkeypatch.setattr(tqdm, "_lock", tqdm.get_lock())
    monkeypatch.setattr(workers, "Worker", Unloaded)
    ours, theirs = Pipe()
    setting: Any = SimpleNamespace(threads=torch.get_num_threads())
    workers.serve(setting, theirs)
    assert ours.recv() == m.Unfit("no such model")
    assert isinstance(tqdm.get_lock(), type(threading.RLock()))


class Unloaded:
    """A worker whose model cannot be loaded."""

    def __init__(self, setting: Any, connection: Any) -> None:
        raise ValueError("no such model")
