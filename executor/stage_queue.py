"""What a worker for stages does next: the same order in simulation and on real workers.

Texts go before images: a request whose text waits cannot use a GPU, while an image that waits holds nobody up but itself. Of
each kind the earliest deadline comes first, and those whose deadline has passed come last.
"""

from __future__ import annotations

from typing import Generic, Literal, NamedTuple, TypeVar

Stage = Literal["encode", "decode"]
STAGES: tuple[Stage, ...] = ("encode", "decode")
"""The more urgent kind first."""
Item = TypeVar("Item")


class _Waiting(NamedTuple, Generic[Item]):
    deadline: float
    number: int
    item: Item


class StageQueue(Generic[Item]):
    """Texts and images that wait, each with the deadline of its request."""

    def __init__(self) -> None:
        self._waiting: dict[Stage, list[_Waiting[Item]]] = {stage: [] for stage in STAGES}
        self._put = 0

    def waits(self, stage: Stage) -> bool:
        """Whether something of a kind waits."""
        return bool(self._waiting[stage])

    def put(self, stage: Stage, item: Item, deadline: float) -> None:
        """Let something wait."""
        self._put += 1
        self._waiting[stage].append(_Waiting(deadline, self._put, item))

    def take(self, now: float) -> tuple[Stage, Item] | None:
        """Return what comes next at a time on the clock of the deadlines, and forget it; None if nothing waits."""
        for stage in STAGES:
            waiting = self._waiting[stage]
            if waiting:
                chosen = min(waiting, key=lambda one: (one.deadline < now, one.deadline, one.number))
                waiting.remove(chosen)
                return stage, chosen.item
        return None
