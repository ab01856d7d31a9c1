"""Images that GPUs of the cluster make: which GPU is at which, and until when."""

from __future__ import annotations

from collections.abc import Iterable

from executor.distributed import messages as m
from executor.distributed.controller.board import Board
from executor.distributed.controller.history import History
from planner.request import Request


class Making:
    """Images under way on GPUs of the cluster.

    Parameters
    ----------
    gpus
        Those that decode; none where workers for stages do.
    board
        Who is where; a GPU that makes an image is not free.
    history
        What an image is expected to take.
    """

    def __init__(self, gpus: Iterable[int], board: Board, history: History) -> None:
        self._gpus = frozenset(gpus)
        self._board = board
        self._history = history
        self._under_way: dict[int, tuple[int, Request]] = {}
        self._made: dict[int, float] = {}

    def __contains__(self, gpu: int) -> bool:
        """Whether a GPU decodes."""
        return gpu in self._gpus

    def begin(self, request: Request, gpu: int, now: float) -> None:
        """Take in that a GPU makes an image, after those that it has been given before."""
        images = self._board.images
        images[gpu] = max(now, images.get(gpu, now)) + self._history.expected_image(request)
        self._under_way[request.id] = gpu, request

    def rendered(self, message: m.Rendered) -> None:
        """Take in that an image is made, and is being written; one that a worker for stages made does not count."""
        made = self._under_way.get(message.request)
        if made is not None:
            self._made[message.request] = message.at
            self._history.image_made(made[1].shape, message.seconds)

    def decoded(self, message: m.Decoded, gpu: int) -> None:
        """Take in that an image of a GPU is written."""
        freed = self._made.pop(message.request, message.at)
        self._history.image_ended(message.request, gpu, message.at, message.seconds, freed)

    def end(self, request: int) -> bool:
        """Take in that a GPU has made an image, or will not any more; after its last one it is free.

        Returns
        -------
        bool
            Whether it was under way.
        """
        found = self._under_way.pop(request, None)
        if found is None:
            return False
        if all(gpu != found[0] for gpu, _ in self._under_way.values()):
            del self._board.images[found[0]]
        return True

    def on(self, gpu: int) -> list[int]:
        """Return the requests whose images a GPU has under way."""
        return [request for request, (other, _) in self._under_way.items() if other == gpu]

    def given_up(self, request: int) -> None:
        """Take in that an image which was made on a GPU could not be written there."""
        self._made.pop(request, None)
