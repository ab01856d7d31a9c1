"""Who is where: requests with the steps that they have behind them, chunks under way, images, and the GPUs they hold."""

from __future__ import annotations

from collections.abc import Iterable

from executor.distributed.chunk import Chunk
from executor.models.spec import Ask
from profiles.shape import Shape


class Board:
    """The controller's picture of the run.

    Parameters
    ----------
    gpus
        How many there are.
    """

    def __init__(self, gpus: int) -> None:
        self.asks: dict[int, Ask] = {}
        self.done: dict[int, int] = {}
        self.chunks: dict[int, Chunk] = {}
        self.images: dict[int, float] = {}
        """GPUs that make an image, and when each is expected to be free (`time.monotonic`)."""
        self._running: dict[int, Chunk] = {}
        self._on_gpu: list[Chunk | None] = [None] * gpus

    def running(self, job: int) -> Chunk | None:
        """Return the chunk that a request is in."""
        return self._running.get(job)

    def on_gpu(self, gpu: int) -> Chunk | None:
        """Return the chunk that a GPU is at."""
        return self._on_gpu[gpu]

    def free(self, jobs: Iterable[int], gpus: Iterable[int]) -> bool:
        """Whether none of these requests and GPUs is in a chunk, and none of the GPUs makes an image."""
        open_ = all(self._on_gpu[gpu] is None and gpu not in self.images for gpu in gpus)
        return open_ and not any(job in self._running for job in jobs)

    def place(self, chunk: Chunk) -> None:
        """Begin a chunk."""
        self.chunks[chunk.id] = chunk
        for gpu in chunk.group.gpus:
            self._on_gpu[gpu] = chunk
        for job in chunk.jobs:
            self._running[job] = chunk

    def lift(self, chunk: Chunk) -> None:
        """End a chunk: its GPUs and requests are free."""
        del self.chunks[chunk.id]
        for gpu in chunk.group.gpus:
            self._on_gpu[gpu] = None
        for job in chunk.jobs:
            del self._running[job]

    def shape_of(self, jobs: Iterable[int]) -> Shape:
        """Return the shape of a batch; requests that were dropped meanwhile no longer have one."""
        return next((self.asks[job].request.shape for job in jobs if job in self.asks), Shape(1, 1))
