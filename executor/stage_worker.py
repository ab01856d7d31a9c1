"""One worker that encodes texts and makes images by turns, as the distributed engine has it, on a virtual clock."""

from __future__ import annotations

from collections import deque
from typing import Literal, NamedTuple

Stage = Literal["encode", "decode"]


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
    """Does one stage of one request at a time; where both kinds wait, they take turns."""

    def __init__(self) -> None:
        self.current: Staged | None = None
        self._waiting: dict[Stage, deque[tuple[int, float]]] = {"encode": deque(), "decode": deque()}
        self._last: Stage = "decode"

    def put(self, stage: Stage, request: int, seconds: float) -> None:
        """Queue a stage that takes so many seconds."""
        self._waiting[stage].append((request, seconds))

    def proceed(self, now: float) -> Staged | None:
        """Begin the next stage if nothing is under way, and return it; None if none begins."""
        if self.current is not None:
            return None
        other: Stage = "decode" if self._last == "encode" else "encode"
        for stage in (other, self._last):
            if self._waiting[stage]:
                request, seconds = self._waiting[stage].popleft()
                self._last = stage
                self.current = Staged(stage, request, now + seconds)
                return self.current
        return None

    def finish(self) -> Staged:
        """End the stage under way, and return it."""
        assert self.current is not None
        done, self.current = self.current, None
        return done
