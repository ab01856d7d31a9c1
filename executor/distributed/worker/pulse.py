"""Signs of life of a worker that is at something long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_EVERY = 0.5
"""Seconds between looks."""

_LEAST = 0.02
"""Seconds of the processor that count as work; looking costs less."""


class Pulse:
    """Says from time to time that this process works: only while it uses its processor.

    A process that has been stopped, or waits for something that does not come, says nothing; how long a command takes
    does not matter.

    Parameters
    ----------
    say
        Called from a thread; ends it by an `OSError`.
    """

    def __init__(self, say: Callable[[], None]) -> None:
        self._say = say
        self._ended = threading.Event()
        threading.Thread(target=self._beat, name="pulse", daemon=True).start()

    def close(self) -> None:
        """Say no more."""
        self._ended.set()

    def _beat(self) -> None:
        before = time.process_time()
        while not self._ended.wait(_EVERY):
            now = time.process_time()
            if now - before >= _LEAST:
                before = now
                try:
                    self._say()
                except OSError:
                    return
