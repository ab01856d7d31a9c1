"""The workers that encode texts and make images, as the distributed engine has them, on a virtual clock."""

from __future__ import annotations

from executor.engine import Staged
from executor.stage_queue import Need, StageQueue
from profiles.entries import Stage


class StageWorkers:
    """Each does one stage of one request at a time, in the order of :class:`executor.stage_queue.StageQueue`.

    Parameters
    ----------
    workers
        How many there are.
    """

    def __init__(self, workers: int = 1) -> None:
        self._free = list(range(workers))
        self._queue: StageQueue[tuple[int, Need]] = StageQueue()
        self._current: dict[int, Staged] = {}

    def put(self, stage: Stage, request: int, need: Need) -> None:
        """Queue a stage of a request."""
        self._queue.put(stage, request, (request, need), need)

    def forget(self, request: int) -> None:
        """Take a text out that nobody wants any more, if it still waits."""
        self._queue.forget(request)

    def proceed(self, now: float) -> list[Staged]:
        """Begin what comes next on workers with nothing to do, and return it."""
        begun = []
        while self._free and (chosen := self._queue.take(now)) is not None:
            stage, (request, need) = chosen
            end = now + need.seconds
            freed = end - need.beside if need.beside else 0.0
            staged = Staged(stage, request, self._free.pop(0), now, end, freed=freed)
            self._current[request] = staged
            begun.append(staged)
        return begun

    def free(self, request: int) -> None:
        """Let the worker that has made an image go on, while its file is written."""
        self._free = sorted([*self._free, self._current[request].worker])

    def finish(self, request: int) -> Staged:
        """End the stage of a request that is under way, and return it."""
        done = self._current.pop(request)
        if not done.freed:
            self._free = sorted([*self._free, done.worker])
        return done
