"""Start workers and carry commands to them: processes of this machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess, SpawnContext, SpawnProcess
from pathlib import Path
from typing import Any, Protocol

from executor.distributed.config import EngineError
from executor.distributed.local.forking import VARIABLE, context_for
from executor.distributed.local.latents import Shared, new_folder
from executor.distributed.storage import Storage
from executor.distributed.worker.setting import WorkerSetting
from executor.models.folder import fingerprint

_ENDED = 10.0
"""Seconds for a killed process to be gone: one that waits for a device or a disk may take long, and nobody waits for it."""


class Link(Protocol):
    """One worker, as the controller sees it."""

    @property
    def connection(self) -> Connection:
        """What to wait on: ready when there is something to `receive`, or when it died."""
        ...

    def receive(self) -> list[Any]:
        """Return the messages that have come in, with times on the controller's clock.

        Raises
        ------
        EOFError, OSError
            If it has died, and all that it said has been received.
        """
        ...

    def send(self, message: Any) -> None:
        """Put a command into its queue; to a dead worker, nothing happens."""
        ...

    def kill(self) -> None:
        """End it at once, and wait until it has ended."""
        ...

    def join(self, seconds: float) -> bool:
        """Wait for it to end by itself; whether it did."""
        ...


class Transport(Protocol):
    """Starts workers, and has what they share."""

    @property
    def host(self) -> str:
        """Address of the controller's machine at which workers reach it."""
        ...

    @property
    def storage(self) -> Storage:
        """Where requests' states and finished files go."""
        ...

    def start(self, setting: WorkerSetting) -> Link:
        """Start a worker; it says by itself when it is ready."""
        ...

    def close(self) -> None:
        """Give up everything, once no worker is left; a second time, nothing happens."""
        ...


class LocalWorker:
    """A process of this machine."""

    def __init__(self, process: ForkServerProcess | SpawnProcess, connection: Connection) -> None:
        self.connection = connection
        self._process = process

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid or 0

    def receive(self) -> list[Any]:
        """See `Link.receive`."""
        return received(self.connection)

    def send(self, message: Any) -> None:
        """See `Link.send`."""
        try:
            self.connection.send(message)
        except (BrokenPipeError, ConnectionResetError, OSError):
            return

    def kill(self) -> None:
        """See `Link.kill`."""
        self._process.kill()
        self._process.join(_ENDED)
        self.connection.close()

    def join(self, seconds: float) -> bool:
        """See `Link.join`."""
        self._process.join(seconds)
        return self._process.exitcode is not None


def received(connection: Connection) -> list[Any]:
    """Return the messages that have come in; what was said before a death is not lost with it."""
    messages: list[Any] = []
    try:
        while connection.poll():
            messages.append(connection.recv())
    except (EOFError, OSError):
        if not messages:
            raise
    return messages


def work(setting: WorkerSetting, connection: Connection) -> None:
    """Be a worker. What it computes with is imported there alone: that takes seconds, and a controller needs none of it."""
    from executor.distributed.worker import process

    process.work(setting, connection)


class LocalTransport:
    """Forks workers from a process that has imported the model's code: they start in a fraction of a second.

    Parameters
    ----------
    folder
        Of the model, whose parts are imported beforehand.
    target
        What a worker's process does.
    beside
        Further files of the model.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        folder: Path,
        target: Callable[[WorkerSetting, Connection], None] = work,
        beside: Sequence[Path] = (),
    ) -> None:
        self._target = target
        self._context: ForkServerContext | SpawnContext | None = None
        self._folder = folder
        self._beside = tuple(beside)
        self._files = fingerprint(folder, *self._beside)
        self._storage = Shared(new_folder())

    @property
    def storage(self) -> Shared:
        """See `Transport.storage`."""
        return self._storage

    def start(self, setting: WorkerSetting) -> LocalWorker:
        """See `Transport.start`; a worker that takes a dead one's place must find the model that the others have loaded.

        Raises
        ------
        EngineError
            If a file of the model's folder is no longer what it was at the first start.
        """
        now = fingerprint(self._folder, *self._beside)
        if now != self._files:
            changed = min(name for name in now.keys() | self._files.keys() if now.get(name) != self._files.get(name))
            raise EngineError(
                f"{self._folder}: {changed} has changed since the run began, so that worker {setting.rank} would serve "
                "another model than the others; start again"
            )
        before = os.environ.get(VARIABLE)
        os.environ[VARIABLE] = str(self._folder)
        try:
            self._context = self._context or context_for(setting.device)
            ours, theirs = self._context.Pipe()
            process = self._context.Process(target=self._target, args=(setting, theirs), daemon=True)
            process.start()
        finally:
            os.environ.pop(VARIABLE) if before is None else os.environ.update({VARIABLE: before})
        theirs.close()
        return LocalWorker(process, ours)

    def close(self) -> None:
        """See `Transport.close`."""
        self._storage.remove()
