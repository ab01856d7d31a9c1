"""Where workers call back: a port of the controller on which each of them opens its connection.

Commands then go through a plain connection, first in, first out, whose end of file is the notice of death, as with local
workers. Both ends prove that they know the run's key before anything is unpickled.
"""

from __future__ import annotations

import os
import secrets
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, answer_challenge, deliver_challenge
from typing import NamedTuple

from executor.distributed.on_ray import clock

_PATIENCE = 10
"""Seconds that a caller has to say who it is."""
_KEEPALIVE = (("TCP_KEEPIDLE", 5), ("TCP_KEEPINTVL", 2), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 12_000))
"""A machine that fell silent counts as dead after a dozen seconds."""


class Caller(NamedTuple):
    """A worker that has called back.

    Parameters
    ----------
    connection
        To it.
    ahead
        Seconds by which its clock is ahead.
    pid
        Its process.
    """

    connection: Connection
    ahead: float
    pid: int


class Door(NamedTuple):
    """What a worker needs to call back: address, the run's key, and what it was started as."""

    host: str
    port: int
    key: bytes
    number: int


class Reception:
    """Takes calls, in a thread of its own.

    Parameters
    ----------
    host
        Address to listen at.
    """

    def __init__(self, host: str) -> None:
        self._socket = socket.create_server((host, 0), backlog=128)
        self._key = secrets.token_bytes(32)
        self._expected: dict[int, Callable[[Caller], None]] = {}
        self._count = 0
        self._thread = threading.Thread(target=self._listen, name="reception", daemon=True)
        self._thread.start()

    def expect(self, called: Callable[[Caller], None]) -> Door:
        """Return what one more worker needs to call back; ``called`` is then called, in the thread."""
        self._count += 1
        self._expected[self._count] = called
        host, port = self._socket.getsockname()[:2]
        return Door(host, port, self._key, self._count)

    def close(self) -> None:
        """Take no more calls."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def _listen(self) -> None:
        while True:
            try:
                made, _ = self._socket.accept()
            except OSError:
                return
            _prepare(made)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", _PATIENCE, 0))
            connection = Connection(os.dup(made.fileno()))
            try:
                deliver_challenge(connection, self._key)
                answer_challenge(connection, self._key)
                number, pid = connection.recv()
                called = self._expected.pop(number)
                caller = Caller(connection, clock.ahead(connection), pid)
            except (AuthenticationError, EOFError, OSError, KeyError):
                connection.close()
            else:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 0))
                called(caller)
            finally:
                made.close()


def call(door: Door) -> Connection:
    """Call back from a worker, and let the controller read this machine's clock.

    Raises
    ------
    OSError, EOFError
        If the controller is gone.
    """
    with socket.create_connection((door.host, door.port), timeout=_PATIENCE) as made:
        made.settimeout(None)
        _prepare(made)
        connection = Connection(os.dup(made.fileno()))
    answer_challenge(connection, door.key)
    deliver_challenge(connection, door.key)
    connection.send((door.number, os.getpid()))
    clock.tell(connection)
    return connection


def _prepare(made: socket.socket) -> None:
    """Send small messages at once, and notice when the other machine is gone."""
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE:
        if hasattr(socket, name):
            made.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
