"""One worker that encodes texts and makes images, as the distributed engine has it, on a virtual clock."""

from __future__ import annotations

from typing import NamedTuple

from executor.stage_queue import Stage, StageQueue


class Staged(NamedTuple):
    """A stage under way.

    Parameters
    ----------
    stage, request
        What is done, and for whom.
    end
        When it is done, in seconds.
    """

    stage: Stage
    request: int
    end: float


class StageWorker:
    """Does one stage of one request at a time, in the order of :class:`executor.stage_queue.StageQueue`."""

    def __init__(self) -> None:
        self.current: Staged | None = None
        self._queue: StageQueue[tuple[int, float]] = StageQueue()

    def put(self, stage: Stage, request: int, seconds: float, deadline: float) -> None:
        """Queue a stage that takes so many seconds, of a request that is due then."""
        self._queue.put(stage, (request, seconds), deadline)

    def proceed(self, now: float) -> Staged | None:
        """Begin the next stage if nothing is under way, and return it; None if none begins."""
        if self.current is not None or (chosen := self._queue.take(now)) is None:
            return None
        stage, (request, seconds) = chosen
        self.current = Staged(stage, request, now + seconds)
        return self.current

    def finish(self) -> Staged:
        """End the stage under way, and return it."""
        assert self.current is not None
        done, self.current = self.current, None
        return done
