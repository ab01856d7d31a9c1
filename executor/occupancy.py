"""Who is on which GPUs of the virtual clock's cluster: segments in progress, images, and segments that wait."""

from __future__ import annotations

from collections.abc import Sequence

from executor.engine import Staged
from executor.stretch import Stretch
from planner.cluster import Group


class Occupancy:
    """Segments by request and by GPU.

    Parameters
    ----------
    gpus
        Of the cluster.
    """

    def __init__(self, gpus: int) -> None:
        self.running: dict[int, Stretch] = {}
        """The segment of each request that runs."""
        self.waiting: dict[int, Stretch] = {}
        """Segments that begin when their GPUs and requests are free, by their first request."""
        self.images: dict[int, Staged] = {}
        """What each GPU decodes, or will have decoded last."""
        self._on_gpu: list[Stretch | None] = [None] * gpus

    def occupy(self, stretch: Stretch) -> None:
        """Let a segment begin."""
        for gpu in stretch.group.gpus:
            self._on_gpu[gpu] = stretch
        for job in stretch.jobs:
            self.running[job] = stretch

    def release(self, stretch: Stretch) -> None:
        """Take a segment off its GPUs."""
        stretch.stopped = True
        for gpu in stretch.group.gpus:
            self._on_gpu[gpu] = None
        for job in stretch.jobs:
            del self.running[job]

    def decode(self, request: int, gpu: int, now: float, seconds: float, beside: float = 0.0) -> Staged:
        """Let a GPU decode an image, after those that it has; a segment on it must have ended.

        Parameters
        ----------
        request, gpu, now
            Which, where, when.
        seconds, beside
            Until its file is there, and the last of these, in which it is written and the GPU is free.
        """
        before = self.images.get(gpu)
        start = now if before is None else before.freed
        image = Staged("decode", request, -1, start, start + seconds, gpu, start + seconds - beside)
        self.images[gpu] = image
        return image

    def decoded(self, image: Staged) -> None:
        """Take in that an image is made."""
        if self.images.get(image.gpu) is image:
            del self.images[image.gpu]

    def decoding(self, group: Group) -> float:
        """Return when the last GPU of a group has made its images; 0 if none makes any."""
        return max((self.images[gpu].freed for gpu in group.gpus if gpu in self.images), default=0.0)

    def blockers(self, jobs: Sequence[int], group: Group) -> list[Stretch]:
        """Return segments in progress on the GPUs of a group or with one of the requests."""
        if not self.running:
            return []
        found = [stretch for gpu in group.gpus if (stretch := self._on_gpu[gpu]) is not None]
        found += [stretch for job in jobs if (stretch := self.running.get(job)) is not None]
        return found

    def promote(self) -> None:
        """Let all begin that wait for nothing any more."""
        for stretch in list(self.waiting.values()):
            if not self.decoding(stretch.group) and not self.blockers(stretch.jobs, stretch.group):
                del self.waiting[stretch.jobs[0]]
                self.occupy(stretch)

    def clear_waiting(self) -> None:
        """Give up all that wait."""
        for stretch in self.waiting.values():
            stretch.stopped = True
        self.waiting.clear()

    def forget_waiting(self, request: int) -> None:
        """Give up the segment that waits for a request alone."""
        stretch = self.waiting.get(request)
        if stretch is not None and stretch.jobs == (request,):
            stretch.stopped = True
            del self.waiting[request]
