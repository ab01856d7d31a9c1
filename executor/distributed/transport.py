"""Start workers and carry commands to them: processes of this machine."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, Protocol

from executor.distributed.preload import VARIABLE
from executor.distributed.worker import WorkerSetting, work


class Link(Protocol):
    """One worker, as the controller sees it."""

    connection: Connection
    """Where its messages come in; ready, with an end of file, when it dies."""

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
    """Starts workers."""

    def start(self, setting: WorkerSetting) -> Link:
        """Start a worker; it says by itself when it is ready."""
        ...


class LocalWorker:
    """A process of this machine."""

    def __init__(self, process: ForkServerProcess, connection: Connection) -> None:
        self.connection = connection
        self._process = process

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid or 0

    def send(self, message: Any) -> None:
        """See `Link.send`."""
        try:
            self.connection.send(message)
        except (BrokenPipeError, ConnectionResetError, OSError):
            return

    def kill(self) -> None:
        """See `Link.kill`."""
        self._process.kill()
        self._process.join()
        self.connection.close()

    def join(self, seconds: float) -> bool:
        """See `Link.join`."""
        self._process.join(seconds)
        return self._process.exitcode is not None


class LocalTransport:
    """Forks workers from a process that has imported the model's code: they start in a fraction of a second.

    Parameters
    ----------
    folder
        Of the model, whose parts are imported beforehand.
    target
        What a worker's process does.
    """

    def __init__(self, folder: Path, target: Callable[[WorkerSetting, Connection], None] = work) -> None:
        self._target = target
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["executor.distributed.preload"])
        self._folder = folder

    def start(self, setting: WorkerSetting) -> LocalWorker:
        """See `Transport.start`."""
        ours, theirs = self._context.Pipe()
        before = os.environ.get(VARIABLE)
        os.environ[VARIABLE] = str(self._folder)
        try:
            process = self._context.Process(target=self._target, args=(setting, theirs), daemon=True)
            process.start()
        finally:
            os.environ.pop(VARIABLE) if before is None else os.environ.update({VARIABLE: before})
        theirs.close()
        return LocalWorker(process, ours)
