"""What has happened in a run, on the run's own clock, and what steps are therefore expected to take."""

from __future__ import annotations

import time
from typing import NamedTuple

from executor.distributed.chunk import Chunk
from executor.engine import Segment, Staged
from planner.cluster import Group
from planner.costs import Costs
from profiles.entries import Stage
from profiles.shape import Shape

_NEWEST = 0.3
"""Weight of the newest step in the expected step time."""


class Step(NamedTuple):
    """One step as it was measured; times are seconds since the start of the run."""

    jobs: tuple[int, ...]
    gpus: tuple[int, ...]
    start: float
    end: float


class History:
    """The record of a run. Its clock starts when it is first asked for the time.

    Parameters
    ----------
    costs
        Step times expected until some are measured.
    origin
        Seconds at which its clock starts.
    keep
        Whether every step is kept; a server that runs for weeks has no room for them.
    """

    def __init__(self, costs: Costs, origin: float = 0.0, keep: bool = True) -> None:
        self._keep = keep
        self.segments: list[Segment] = []
        self.steps: list[Step] = []
        self.staged: list[Staged] = []
        self.recoveries: list[float] = []
        self._costs = costs
        self._origin = origin
        self._zero: float | None = None
        self._measured: dict[tuple[Shape, int, int], float] = {}

    def now(self) -> float:
        """Return the seconds since the start of the run."""
        if self._zero is None:
            self._zero = time.monotonic() - self._origin
        return time.monotonic() - self._zero

    def time(self, at: float) -> float:
        """Return a `time.monotonic` as seconds since the start of the run."""
        return at - (self._zero or 0.0)

    def stepped(self, chunk: Chunk, shape: Shape, began: float, at: float) -> None:
        """Take in a step of a chunk; a chunk's first one, which reads its state, does not count for the others."""
        if self._keep or not self.steps:
            self.steps.append(Step(chunk.jobs, chunk.group.gpus, self.time(began), self.time(at)))
        if chunk.steps > 1:
            key = (shape, chunk.group.degree, len(chunk.jobs))
            before = self._measured.get(key, at - began)
            chunk.seconds = self._measured[key] = (1 - _NEWEST) * before + _NEWEST * (at - began)

    def stage_ended(self, stage: Stage, request: int, worker: int, at: float, seconds: float) -> None:
        """Take in that a text was encoded, or an image decoded and written."""
        end = self.time(at)
        self.staged.append(Staged(stage, request, worker, end - seconds, end))

    def ended(self, chunk: Chunk, steps: int, at: float) -> None:
        """Take in the end of a chunk."""
        if steps:
            self.segments.append(Segment(chunk.jobs, chunk.group.gpus, self.time(chunk.start), self.time(at), steps))

    def expected(self, shape: Shape, group: Group, batch: int) -> float:
        """Return the seconds that a step is expected to take."""
        seconds = self._measured.get((shape, group.degree, batch))
        return self._costs.batch_time(shape, group, batch) if seconds is None else seconds
