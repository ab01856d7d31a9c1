"""What comes before and after the steps of a request, as its engine sees it: texts that are read, images that are made.

:mod:`executor.distributed.controller.stages` says who does what next; here is what follows from the answers.
"""

from __future__ import annotations

from collections.abc import Callable

from executor.distributed import messages as m
from executor.distributed.chunk import Chunk
from executor.distributed.controller.board import Board
from executor.distributed.controller.dispatch import Dispatch
from executor.distributed.controller.fleet import Fleet
from executor.distributed.controller.history import History
from executor.distributed.controller.making import Making
from executor.distributed.controller.stages import StageAnswer, Stages
from executor.engine import Milestone
from executor.models.spec import Ask
from profiles.entries import Stage


class Finishing:
    """Texts and images of an engine's requests.

    Parameters
    ----------
    board, history, fleet, dispatch
        Of the engine.
    stages, making
        Who encodes and decodes, and which images GPUs of the cluster make.
    report
        Takes a milestone.
    forget
        Frees what is kept of a request.
    fail
        Gives a request up, and says why.
    """

    def __init__(
        self,
        board: Board,
        history: History,
        fleet: Fleet,
        dispatch: Dispatch,
        stages: Stages,
        making: Making,
        report: Callable[[Milestone], None],
        forget: Callable[[int], None],
        fail: Callable[[Ask, str], None],
    ) -> None:
        self._board = board
        self._history = history
        self._fleet = fleet
        self._dispatch = dispatch
        self._stages = stages
        self._making = making
        self._report = report
        self._forget = forget
        self._fail = fail
        self._made: dict[int, float] = {}  # images that workers for stages have made and are writing, and since when
        self.undelivered: set[int] = set()
        """Requests whose steps are done and whose images are not there."""

    def begin(self, ask: Ask, chunk: Chunk, place: int, at: float) -> None:
        """Let the image of a request be made: by a GPU of its group, unless that broke, or by a worker for stages.

        Parameters
        ----------
        ask, chunk
            The request, and the chunk that did its last step.
        place
            Of the request in its batch: members decode their shares.
        at
            When the step ended (`time.monotonic`).
        """
        gpu = chunk.group.gpus[place % chunk.group.degree]
        self.undelivered.add(ask.request.id)
        if gpu not in self._making or chunk.broken is not None or not self._fleet.ready[gpu]:
            self._stages.decode(ask)
            return
        self._making.begin(ask.request, gpu, at)
        self._stages.decode_on(gpu, ask)

    def answered(self, rank: int, message: StageAnswer, now: float) -> None:
        """Take in what a worker says of a text or an image, at ``now`` (`time.monotonic`)."""
        request, asks = message.request, self._board.asks
        self._stages.done(rank, message, now)
        if isinstance(message, m.Refused) and request in asks:
            self._fail(asks[request], message.error)
        if isinstance(message, m.Rendered):
            self._making.rendered(message)
            self._made[request] = message.at
        elif isinstance(message, m.Undecoded):
            self._making.given_up(request)
            self._made.pop(request, None)
        elif isinstance(message, m.Decoded) and rank in self._making:
            self._making.decoded(message, rank)
        elif isinstance(message, m.Decoded | m.Admitted):
            stage: Stage = "encode" if isinstance(message, m.Admitted) else "decode"
            worker, made = self._stages.number(rank), self._made.get(request)
            self._history.stage_ended(stage, request, worker, message.at, message.seconds, made)
        if isinstance(message, m.Decoded):
            self._forget(request)
            self._made.pop(request, None)
            self.undelivered.discard(request)
            self._report(Milestone("delivered", request, self._history.time(message.at)))
        elif isinstance(message, m.Admitted) and request in asks:
            self._report(Milestone("ready", request, self._history.now()))
        elif isinstance(message, m.Admitted | m.Refused):
            self._forget(request)
        if isinstance(message, m.Rendered | m.Undecoded):
            self._freed(request)

    def lost(self, rank: int) -> None:
        """Take in that a worker that does steps has died; images that it was making are made elsewhere."""
        self._stages.died(rank)
        for request in self._making.on(rank):
            self._making.given_up(request)
            self._freed(request)

    def _freed(self, request: int) -> None:
        """Take in that a GPU has made an image, or will not any more: then steps can begin on it."""
        if self._making.end(request):
            self._report(Milestone("freed", request, self._history.now()))
            self._dispatch.proceed()
