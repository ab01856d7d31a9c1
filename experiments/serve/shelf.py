"""Finished files that clients come back for, for a while and up to so many bytes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

_MOST = 512 * 2**20
"""Bytes that are kept at most; the oldest go first."""


class File(NamedTuple):
    """A file: its bytes, their type, and until when they are kept."""

    data: bytes
    kind: str
    until: float


class Shelf:
    """Keeps files by name.

    Parameters
    ----------
    seconds
        How long.
    clock
        A clock that only goes forward.
    most
        Bytes at most.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic, most: int = _MOST) -> None:
        self._seconds = seconds
        self._clock = clock
        self._most = most
        self._files: dict[str, File] = {}
        self._bytes = 0

    def put(self, data: bytes, name: str, kind: str) -> str:
        """Keep a file, and return its name."""
        self.remove(name)
        self._files[name] = File(data, kind, self._clock() + self._seconds)
        self._bytes += len(data)
        now = self._clock()
        while self._files and len(self._files) > 1:
            oldest, file = next(iter(self._files.items()))
            if file.until > now and self._bytes <= self._most:
                break
            self.remove(oldest)
        return name

    def get(self, name: str) -> File | None:
        """Return a file, if it is still there."""
        file = self._files.get(name)
        if file is not None and file.until <= self._clock():
            self.remove(name)
            return None
        return file

    def remove(self, name: str) -> None:
        """Forget a file."""
        file = self._files.pop(name, None)
        if file is not None:
            self._bytes -= len(file.data)
