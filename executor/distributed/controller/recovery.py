"""What is done about deaths, hangs and errors.

Everybody leaves the group, another process takes the dead one's place, and requests go on from the last step that
was written.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from executor.distributed.chunk import Chunk
from executor.distributed.config import EngineError
from executor.distributed.controller.board import Board
from executor.distributed.controller.crew import Crew
from executor.distributed.controller.history import History
from executor.distributed.group_names import Named
from executor.distributed.storage import States
from executor.models.spec import Ask

End = Callable[[Chunk, list[int], float], None]
"""Ends a chunk: how many steps each request has done in it, and when it ended."""

_DEATHS = 3
"""A failure in which a member died counts a third: it may not have been the request's fault."""


class Recovery:
    """Takes in what goes wrong.

    Parameters
    ----------
    crew
        The workers; its configuration has the deadline of a chunk, and the attempts of a request.
    board, states, history
        What it acts on.
    end
        Ends a chunk that all members have left.
    fail
        Gives a request up, and says why.
    lost
        Is told that a worker has died, whatever it was at.
    """

    def __init__(
        self,
        crew: Crew,
        board: Board,
        states: States,
        history: History,
        end: End,
        fail: Callable[[Ask, str], None],
        lost: Callable[[int], None],
    ) -> None:
        self._crew = crew
        self._board = board
        self._states = states
        self._history = history
        self._end = end
        self._fail = fail
        self._lost = lost
        self._failures: dict[int, int] = {}
        self._given_up = 0

    def died(self, rank: int, how: str = "died") -> None:
        """Put another process in the place of a dead worker that does steps, and end what it was at."""
        self._crew.replace(rank)
        self._lost(rank)
        chunk = self._board.on_gpu(rank)
        if chunk is not None:
            chunk.dead.append(f"worker {rank} {how}")
            self._left(chunk, rank)

    def broke(self, chunk: Chunk | None, rank: int, named: Named, error: str) -> None:
        """Take in that a member has left a chunk; None is one that ended just before, but whose group is gone."""
        if chunk is None:
            self._crew.retire(named)
            return
        chunk.errors.append(f"worker {rank}: {error}")
        self._left(chunk, rank)

    def watch(self) -> None:
        """Break chunks off that are overdue; members that do not leave then either are killed, as any other death.

        Of a group that waits for one of its members, only that one loses its weights.
        """
        now = time.monotonic()
        for chunk in list(self._board.chunks.values()):
            if now <= chunk.overdue(self._crew.config.deadline):
                continue
            late = (
                f"did not end step {chunk.steps + 1} in {now - chunk.stepped:.1f} s (expected {chunk.seconds:.2g} s, "
                f"engine.deadline={self._crew.config.deadline:g} s)"
            )
            broken = chunk.broken
            if broken is not None:
                for rank in sorted(chunk.waiting_for):
                    self.died(rank, f"did not leave its group in {now - broken:.1f} s")
            elif chunk.named.members[1:]:
                chunk.errors.append(f"the group {late}")
                self._break(chunk)
            else:
                self.died(chunk.named.members[0], late)

    def _break(self, chunk: Chunk) -> float:
        """Let all members of a chunk leave it, and return since when they do."""
        chunk.broken = broken = time.monotonic()
        self._crew.retire(chunk.named)
        return broken

    def _left(self, chunk: Chunk, rank: int) -> None:
        """Take in that a member is gone from a chunk; when all are, end it."""
        broken = self._break(chunk) if chunk.broken is None else chunk.broken
        chunk.waiting_for.discard(rank)
        if chunk.waiting_for:
            return
        steps = [
            self._states.read(job).steps - origin if job in self._board.asks else 0
            for job, origin in zip(chunk.jobs, chunk.origin, strict=True)
        ]
        given_up = self._given_up_after(chunk, any(steps))
        self._history.recoveries.append(time.monotonic() - broken)
        for job in given_up:
            self._fail(
                self._board.asks[job], f"{self._failures[job] // _DEATHS} failures in a row on {self._where(chunk)}"
            )
        self._end(chunk, steps, time.monotonic())

    def _given_up_after(self, chunk: Chunk, advanced: bool) -> list[int]:
        """Count a failure, and return the requests that have now failed too often.

        Raises
        ------
        EngineError
            If requests are given up one after the other before any step was ever done: then it is not their fault.
        """
        weight = 1 if chunk.dead else _DEATHS
        given_up = []
        for job in chunk.jobs:
            self._failures[job] = 0 if advanced else self._failures.get(job, 0) + weight
            if self._failures[job] >= _DEATHS * self._crew.config.attempts and job in self._board.asks:
                given_up.append(job)
        self._given_up += len(given_up)
        if given_up and self._given_up >= self._crew.config.attempts and not self._history.steps:
            raise EngineError(
                f"no step has ever been done, and {self._given_up} requests in a row could not be served; the last one, "
                f"{given_up[-1]}, on {self._where(chunk)}"
            )
        return given_up

    @staticmethod
    def _where(chunk: Chunk) -> str:
        return f"GPUs {','.join(map(str, chunk.group.gpus))}: {chunk.reason}"
