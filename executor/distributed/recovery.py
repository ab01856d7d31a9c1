"""What is done about deaths, hangs and errors.

Everybody leaves the group, another process takes the dead one's place, and requests go on from the last step that
was written.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from executor.distributed import messages as m
from executor.distributed.board import Board
from executor.distributed.chunk import Chunk
from executor.distributed.config import EngineConfig, EngineError
from executor.distributed.fleet import Fleet
from executor.distributed.group_names import GroupNames, Named
from executor.distributed.history import History
from executor.distributed.storage import States

End = Callable[[Chunk, list[int], float], None]
"""Ends a chunk: how many steps each request has done in it, and when it ended."""


class Recovery:
    """Takes in what goes wrong.

    Parameters
    ----------
    config
        The deadline of a chunk, and the attempts of a request.
    board, fleet, names, states, history
        What it acts on.
    end
        Ends a chunk that all members have left.
    """

    def __init__(
        self,
        config: EngineConfig,
        board: Board,
        fleet: Fleet,
        names: GroupNames,
        states: States,
        history: History,
        end: End,
    ) -> None:
        self._config = config
        self._board = board
        self._fleet = fleet
        self._names = names
        self._states = states
        self._history = history
        self._end = end
        self._failures: dict[int, int] = {}

    def died(self, rank: int) -> None:
        """Put another process in the place of a dead worker that does steps, and end what it was at."""
        self._fleet.restart(rank)
        for named in self._names.retire_all_with(rank):
            self._fleet.tell(named.members, m.Leave(named.name), but=rank)
        chunk = self._board.on_gpu(rank)
        if chunk is not None:
            self._left(chunk, rank)

    def broke(self, chunk: Chunk | None, rank: int, named: Named, error: str) -> None:
        """Take in that a member has left a chunk; None is one that ended just before, but whose group is gone."""
        if chunk is None:
            self._retire(named)
            return
        chunk.errors.append(f"worker {rank}: {error}")
        self._left(chunk, rank)

    def watch(self) -> None:
        """Kill members of chunks that are overdue, and take that in as any other death."""
        now = time.monotonic()
        for chunk in list(self._board.chunks.values()):
            if now > chunk.overdue(self._config.deadline):
                for rank in sorted(chunk.waiting_for):
                    self.died(rank)

    def _left(self, chunk: Chunk, rank: int) -> None:
        """Take in that a member is gone from a chunk; when all are, end it."""
        if chunk.broken is None:
            chunk.broken = time.monotonic()
            self._retire(chunk.named)
        chunk.waiting_for.discard(rank)
        if chunk.waiting_for:
            return
        steps = [
            self._states.read(job).steps - origin if job in self._board.asks else 0
            for job, origin in zip(chunk.jobs, chunk.origin, strict=True)
        ]
        self._count_failure(chunk, any(steps))
        self._history.recoveries.append(time.monotonic() - chunk.broken)
        self._end(chunk, steps, time.monotonic())

    def _retire(self, named: Named) -> None:
        if self._names.stands(named):
            self._names.retire(named.members)
        self._fleet.tell(named.members, m.Leave(named.name))

    def _count_failure(self, chunk: Chunk, advanced: bool) -> None:
        died = len(chunk.errors) < len(chunk.named.members)
        for job in chunk.jobs:
            self._failures[job] = 0 if advanced or died else self._failures.get(job, 0) + 1
            if self._failures[job] >= self._config.attempts:
                raise EngineError(
                    f"request {job} failed {self._failures[job]} times in a row on GPUs {chunk.group.gpus}: "
                    + "; ".join(chunk.errors)
                )
