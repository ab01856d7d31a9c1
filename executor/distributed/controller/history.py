"""What has happened in a run, on the run's own clock, and what steps are therefore expected to take."""

from __future__ import annotations

import time
from typing import NamedTuple

from executor.distributed.chunk import Chunk
from executor.engine import Segment, Staged
from executor.stage_queue import need
from planner.cluster import Group
from planner.costs import Costs
from planner.request import Request
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
        self._images: dict[Shape, float] = {}
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

    def stage_ended(
        self, stage: Stage, request: int, worker: int, at: float, seconds: float, freed: float | None = None
    ) -> None:
        """Take in that a worker for stages has encoded a text, or decoded and written an image.

        ``freed`` is when it could go on, while an image was written.
        """
        end = self.time(at)
        begun = end - seconds
        until = 0.0 if freed is None else max(begun, min(self.time(freed), end))
        self.staged.append(Staged(stage, request, worker, begun, end, freed=until))

    def image_made(self, shape: Shape, seconds: float) -> None:
        """Take in how long a GPU of the cluster took to decode an image; writing it does not count."""
        before = self._images.get(shape, seconds)
        self._images[shape] = (1 - _NEWEST) * before + _NEWEST * seconds

    def image_ended(self, request: int, gpu: int, at: float, seconds: float, freed: float) -> None:
        """Take in that an image of a GPU of the cluster is written; ``freed`` is when that GPU could go on."""
        end = self.time(at)
        begun = end - seconds
        self.staged.append(Staged("decode", request, -1, begun, end, gpu, max(begun, min(self.time(freed), end))))

    def expected_image(self, request: Request) -> float:
        """Return the seconds for which a GPU is expected to be taken for an image."""
        seconds = self._images.get(request.shape)
        if seconds is not None:
            return seconds
        wanted = need("decode", request, self._costs)
        return wanted.seconds - wanted.beside

    def ended(self, chunk: Chunk, steps: int, at: float) -> None:
        """Take in the end of a chunk."""
        if steps:
            self.segments.append(Segment(chunk.jobs, chunk.group.gpus, self.time(chunk.start), self.time(at), steps))

    def expected(self, shape: Shape, group: Group, batch: int) -> float:
        """Return the seconds that a step is expected to take."""
        seconds = self._measured.get((shape, group.degree, batch))
        return self._costs.batch_time(shape, group, batch) if seconds is None else seconds
