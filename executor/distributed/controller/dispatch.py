"""From plans to chunks: each assignment begins as soon as its GPUs and requests are free."""

from __future__ import annotations

import time
from collections.abc import Iterable

from executor.distributed import messages as m
from executor.distributed.chunk import Chunk
from executor.distributed.controller.board import Board
from executor.distributed.controller.fleet import Fleet
from executor.distributed.controller.history import History
from executor.distributed.group_names import GroupNames
from planner.cluster import Group
from planner.plan import Assignment


class Dispatch:
    """Puts plans into force.

    Parameters
    ----------
    board
        Who is where.
    fleet
        The workers.
    names
        The groups.
    history
        What steps are expected to take.
    """

    def __init__(self, board: Board, fleet: Fleet, names: GroupNames, history: History) -> None:
        self._board = board
        self._fleet = fleet
        self._names = names
        self._history = history
        self._waiting: list[Assignment] = []
        self._count = 0

    def __len__(self) -> int:
        """How many assignments wait for GPUs or requests."""
        return len(self._waiting)

    @property
    def waiting(self) -> set[int]:
        """The requests of the assignments that wait."""
        return {job for assignment in self._waiting for job in assignment.jobs}

    def carry_out(self, assignments: Iterable[Assignment]) -> None:
        """Put a plan into force; what it does not name stops at its next step boundary."""
        self._waiting.clear()
        kept: set[int] = set()
        for assignment in assignments:
            chunk = self._board.running(assignment.jobs[0])
            if chunk is None or (chunk.jobs, chunk.group.mask) != (assignment.jobs, assignment.group.mask):
                self._waiting.append(assignment)
            else:
                kept.add(chunk.id)
                self._limit(chunk, min(chunk.most, chunk.begun + assignment.steps))
        for chunk in self._board.chunks.values():
            if chunk.id not in kept:
                self.stop(chunk)
        self.proceed()

    def stop(self, chunk: Chunk) -> None:
        """Stop a chunk at its next step boundary."""
        self._limit(chunk, chunk.begun)

    def resume(self, assignment: Assignment) -> None:
        """Queue the rest of a chunk that ended before its limit though nobody asked it to."""
        self._waiting.append(assignment)

    def proceed(self) -> None:
        """Begin whatever can begin."""
        waiting, self._waiting = self._waiting, []
        for assignment in waiting:
            jobs = tuple(job for job in assignment.jobs if job in self._board.asks)
            gpus = assignment.group.gpus
            if not jobs:
                continue
            if all(self._fleet.ready[gpu] for gpu in gpus) and self._board.free(jobs, gpus):
                self._begin(jobs, assignment.group, assignment.steps)
            else:
                self._waiting.append(assignment)

    def _limit(self, chunk: Chunk, steps: int) -> None:
        if steps != chunk.limit and chunk.broken is None:
            chunk.limit = steps
            self._fleet.send(chunk.named.members[0], m.Limit(chunk.id, steps))

    def _begin(self, jobs: tuple[int, ...], group: Group, steps: int) -> None:
        board = self._board
        origin = tuple(board.done[job] for job in jobs)
        most = min(board.asks[job].request.steps - done for job, done in zip(jobs, origin, strict=True))
        named, given_up = self._names.use(group.gpus)
        for other in given_up:
            self._fleet.tell(other.members, m.Leave(other.name))
        self._count += 1
        seconds = self._history.expected(board.shape_of(jobs), group, len(jobs))
        limit = min(steps, most)
        chunk = Chunk(self._count, jobs, origin, group, named, limit, most, seconds, time.monotonic())
        board.place(chunk)
        self._fleet.tell(named.members, m.Run(chunk.id, jobs, origin, named, limit, most))
