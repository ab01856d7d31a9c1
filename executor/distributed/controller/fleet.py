"""All workers of a run: started, listened to, and started anew when they die."""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import wait
from typing import Any, NamedTuple

from executor.distributed import messages as m
from executor.distributed.config import EngineError
from executor.distributed.local.transport import Link, Transport
from executor.distributed.worker.setting import WorkerSetting

_RESTARTS = 5
_TICK = 0.25
"""Seconds between looks at workers that start."""


class Event(NamedTuple):
    """Something that a worker said.

    Parameters
    ----------
    rank
        Who.
    message
        One of `executor.distributed.messages`; None when the worker has died.
    """

    rank: int
    message: Any


class Fleet:
    """The workers, by rank.

    Parameters
    ----------
    transport
        Starts them.
    settings
        One per worker; ranks count up from 0.
    """

    def __init__(self, transport: Transport, settings: Sequence[WorkerSetting]) -> None:
        self._transport = transport
        self._settings = list(settings)
        self._links: list[Link] = []
        self._ear, self._bell = socket.socketpair()
        self._ear.setblocking(False)
        self._bell.setblocking(False)
        self._woken = False
        self._restarts = [0] * len(self._settings)
        self._began = [0.0] * len(self._settings)
        self._timeout = math.inf
        self.ready = [False] * len(self._settings)

    def start(self, timeout: float) -> list[m.Ready]:
        """Start all workers, wait until they are ready, and return what they say then, by rank.

        Raises
        ------
        EngineError
            If one cannot load the model, dies, or takes longer than ``timeout`` seconds.
        """
        self._timeout = timeout
        self._began = [time.monotonic()] * len(self._settings)
        for setting in self._settings:
            self._links.append(self._transport.start(setting))
        said: dict[int, m.Ready] = {}
        while len(said) < len(self._settings):
            for rank, message in self.wait(_TICK):
                if message is None:
                    raise EngineError(f"worker {rank} died while it loaded the model")
                if isinstance(message, m.Ready):
                    said[rank] = message
        return [said[rank] for rank in range(len(self._settings))]

    def wait(self, timeout: float) -> list[Event]:
        """Return what workers said, waiting at most ``timeout`` seconds for the first word.

        Raises
        ------
        EngineError
            If a worker cannot load the model, or takes too long.
        """
        connections: list[Any] = [link.connection for link in self._links]
        ranks = {id(connection): rank for rank, connection in enumerate(connections)}
        events: list[Event] = []
        for connection in wait([*connections, self._ear], max(0.0, timeout)):
            if connection is self._ear:
                with suppress(BlockingIOError):
                    self._woken = bool(self._ear.recv(4096))
                continue
            rank = ranks[id(connection)]
            try:
                events += [self._heard(rank, message) for message in self._links[rank].receive()]
            except (EOFError, OSError):
                self.ready[rank] = False
                events.append(Event(rank, None))
        if not all(self.ready):
            self._watch()
        return events

    def wake(self) -> None:
        """Let :meth:`wait` return; from any thread. A bell that has not been heard yet need not ring twice."""
        with suppress(BlockingIOError, OSError):
            self._bell.send(b"!")

    def woken(self) -> bool:
        """Whether somebody has called :meth:`wake` since this was last asked."""
        woken, self._woken = self._woken, False
        return woken

    def send(self, rank: int, message: Any) -> None:
        """Put a command into a worker's queue."""
        self._links[rank].send(message)

    def tell(self, ranks: Iterable[int], message: Any, but: int | None = None) -> None:
        """Put a command into the queues of several workers, but one."""
        for rank in ranks:
            if rank != but:
                self.send(rank, message)

    def turn(self, number: int) -> None:
        """Tell all workers that another engine takes over; those that take a dead one's place know it from the start."""
        self._settings = [replace(setting, turn=number) for setting in self._settings]
        self.tell(range(len(self._settings)), m.Turn(number))

    def restart(self, rank: int) -> None:
        """Put another process in the place of a worker, killing it if it still lives.

        Raises
        ------
        EngineError
            If it died several times without ever becoming ready.
        """
        self._restarts[rank] += 1
        if self._restarts[rank] > _RESTARTS:
            raise EngineError(f"worker {rank} died {_RESTARTS} times in a row before it was ready")
        self.ready[rank] = False
        self._began[rank] = time.monotonic()
        self._links[rank].kill()
        self._links[rank] = self._transport.start(self._settings[rank])

    def close(self, timeout: float = 5.0) -> None:
        """End all workers; those that do not end by themselves in time are killed."""
        for link in self._links:
            link.send(m.Stop())
        until = time.monotonic() + timeout
        for link in self._links:
            if not all(self.ready) or not link.join(max(0.0, until - time.monotonic())):
                link.kill()
            link.connection.close()
        self._links = []
        self._ear.close()
        self._bell.close()

    def _watch(self) -> None:
        """Raise if a worker has been starting for too long."""
        oldest = time.monotonic() - self._timeout
        late = [rank for rank, ready in enumerate(self.ready) if not ready and self._began[rank] < oldest]
        if late:
            raise EngineError(f"workers {late} are not ready after engine.start_timeout={self._timeout:g} s")

    def _heard(self, rank: int, message: Any) -> Event:
        if isinstance(message, m.Unfit):
            raise EngineError(f"worker {rank} cannot start: {message.error}")
        if isinstance(message, m.Ready):
            self.ready[rank] = True
            self._restarts[rank] = 0
        return Event(rank, message)
