"""A stand-in for a GPU's communicator."""

from __future__ import annotations

import threading
from typing import Any

from tests.patience import PATIENCE


class Spinning:
    """A backend as of a GPU: who waits is freed when it is aborted, without an error, and with whatever is there."""

    def __init__(self) -> None:
        self.spins = threading.Event()
        self._aborted = threading.Event()

    def _allgather_base(self, output: Any, input: Any) -> Spinning:
        return self

    def wait(self) -> None:
        """Wait as a kernel does."""
        self.spins.set()
        assert self._aborted.wait(PATIENCE)

    def abort(self) -> None:
        """Let the kernel end."""
        self._aborted.set()
