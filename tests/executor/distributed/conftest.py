from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from tests.patience import PATIENCE

if TYPE_CHECKING:
    from tests.executor.distributed.squad import Squad

collect_ignore_glob = [] if find_spec("torch") and find_spec("diffusers") else ["test_*.py", "*/test_*.py"]
"""Without the extra ``executor`` there is nothing to test here."""
if not find_spec("ray"):
    collect_ignore_glob.append("test_ray*.py")  # needs the extra ``cluster``


@pytest.fixture(scope="session")
def squad() -> Iterator[Squad]:
    """Start four processes."""
    from tests.executor.distributed.squad import Squad

    made = Squad(4)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def nothing_left_behind(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Check after every test that its engines' processes, shared memory, threads and ports are gone."""
    if not find_spec("torch"):
        yield
        return
    from tqdm import tqdm

    from executor.distributed.local.transport import LocalTransport, LocalWorker
    from executor.distributed.worker.setting import WorkerSetting
    from tests.executor.distributed.serving import alive, folder_of

    started: list[tuple[LocalWorker, WorkerSetting]] = []
    start = LocalTransport.start

    def recorded(self: LocalTransport, setting: WorkerSetting) -> LocalWorker:
        worker = start(self, setting)
        started.append((worker, setting))
        return worker

    monkeypatch.setattr(LocalTransport, "start", recorded)
    monkeypatch.setattr(tqdm, "monitor_interval", 0)  # a thread for progress bars of diffusers, which never ends
    threads = set(threading.enumerate())
    yield
    assert not [worker.pid for worker, _ in started if alive(worker.pid)]
    assert not [folder_of(setting) for _, setting in started if folder_of(setting).exists()]
    for thread in set(threading.enumerate()) - threads:
        thread.join(PATIENCE)  # one that has been told to end needs a moment
        assert not thread.is_alive(), f"{thread} goes on"
    for port in {setting.rendezvous.port for _, setting in started}:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0, f"port {port} is still open"
