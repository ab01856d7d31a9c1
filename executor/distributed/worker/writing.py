"""Files of finished requests, written beside the commands of a worker: the next text does not wait for a PNG."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Queue

_AHEAD = 2
"""Files that may wait to be written; then the worker waits, so that memory is bounded."""


class Writing:
    """A thread that does what it is given, one thing after the other."""

    def __init__(self) -> None:
        self._jobs: Queue[Callable[[], None] | None] = Queue(_AHEAD)
        self._thread = threading.Thread(target=self._work, name="writing", daemon=True)
        self._thread.start()

    def put(self, job: Callable[[], None]) -> None:
        """Queue a job, which sees to its own errors; waits while too many are queued."""
        self._jobs.put(job)

    def settle(self) -> None:
        """Wait until all that is queued is done."""
        self._jobs.join()

    def close(self) -> None:
        """Finish what is queued, and end."""
        if self._thread.is_alive():
            self._jobs.put(None)
            self._thread.join()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            self._jobs.task_done()
