"""The HTTP server: uvicorn's, whose signals are ours, and whose connections do not wait for ever for a word."""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from experiments.config.checks import ConfigError

_BACKLOG = 2048
"""Connections that may wait to be taken in."""


class Http(uvicorn.Server):
    """A server that leaves signals alone.

    Parameters
    ----------
    app
        What it serves.
    silence
        Seconds after which a connection on which no request is under way, and none has ended meanwhile, is closed, or one
        whose client has read nothing of what was sent.
    """

    def __init__(self, app: ASGIApp, silence: float) -> None:
        kind: Any = type("Patient", (_Patient,), {"silence": silence})
        super().__init__(uvicorn.Config(app, http=kind, log_level="warning", access_log=False, lifespan="off"))

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone."""
        yield


class _Patient(H11Protocol):
    """Closes connections that hold nothing: idle ones, those whose heads come byte by byte, and those that read nothing."""

    silence = 10.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._seen: object = None
        self._unread = 0
        self._look = self.loop.call_later(self.silence, self._watch)

    def connection_lost(self, exc: Exception | None) -> None:
        self._look.cancel()
        super().connection_lost(exc)

    def _watch(self) -> None:
        cycle, unread = self.cycle, self.transport.get_write_buffer_size()
        if unread and unread == self._unread:
            self.transport.abort()
            return
        if not unread and cycle is self._seen and (cycle is None or cycle.response_complete):
            self.transport.close()
            return
        self._seen, self._unread = cycle, unread
        self._look = self.loop.call_later(self.silence, self._watch)


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """Take the port, which nobody listens at until `listen` is called, and say by name what is wrong if that fails."""
    with _named(host, port):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # asyncio sends small packets at once only on sockets that say that they are TCP; else answers wait 40 ms
        made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
    with made:
        yield made


def listen(taken: socket.socket) -> None:
    """Listen, all being ready: only now it shows whether another server, which began at the same time, was faster."""
    host, port = taken.getsockname()[:2]
    with _named(host, port):
        taken.listen(_BACKLOG)


@contextmanager
def _named(host: str, port: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(
            f"serve.host is {host!r} and serve.port {port}: it cannot be listened at ({error.strerror}); "
            "give another port, or 0 for any that is free"
        ) from None


def many_connections() -> None:
    """Let this process have as many connections as it may."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
