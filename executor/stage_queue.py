"""What a worker for stages does next: the same order in simulation and on real workers.

What must begin first for the deadline of its request to be met goes first; what can no longer be on time goes last. But a
text goes before images that can still be on time after it, since a request whose text waits cannot use a GPU, while an image
that waits holds nobody up but itself. Only so many texts in a row do, or a stream of them would let no image pass.
"""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar

from planner.costs import Costs
from planner.request import Request
from profiles.entries import ProfileError, Stage

Item = TypeVar("Item")

MOST_IN_A_ROW = 4
"""Texts that go one after the other before an image that waits. In simulations with much to decode, more gained nothing."""


class Need(NamedTuple):
    """What a stage takes.

    Parameters
    ----------
    start
        When it must begin at the latest for its request to be on time, with the fastest steps that there are.
    seconds
        How long it takes.
    beside
        The last of these, in which whoever does it is free: a file is written.
    """

    start: float
    seconds: float
    beside: float = 0.0


def need(stage: Stage, request: Request, costs: Costs) -> Need:
    """Return what a stage of a request takes; nothing where the profile does not know its shape."""
    profile, shape = costs.profile, request.shape
    try:
        encode, steps, decode = profile.encode_time(shape), costs.of(shape).fastest, profile.decode_time(shape)
    except ProfileError:
        return Need(request.deadline, 0.0)
    if stage == "decode":
        return Need(request.deadline - decode, decode, profile.write_time(shape))
    return Need(request.deadline - decode - request.steps * steps - encode, encode)


class _Waiting(NamedTuple, Generic[Item]):
    number: int
    stage: Stage
    request: int
    item: Item
    need: Need


class StageQueue(Generic[Item]):
    """Texts and images that wait."""

    def __init__(self) -> None:
        self._waiting: list[_Waiting[Item]] = []
        self._put = 0
        self._in_a_row = 0

    def waits(self, stage: Stage) -> bool:
        """Whether something of a kind waits."""
        return any(one.stage == stage for one in self._waiting)

    def put(self, stage: Stage, request: int, item: Item, need: Need) -> None:
        """Let something of a request wait."""
        self._put += 1
        self._waiting.append(_Waiting(self._put, stage, request, item, need))

    def forget(self, request: int) -> None:
        """Take the text of a request out that nobody wants any more, if it still waits; an image is made all the same."""
        self._waiting = [one for one in self._waiting if (one.stage, one.request) != ("encode", request)]

    def take(self, now: float) -> tuple[Stage, Item] | None:
        """Return what comes next at a time on the clock of the deadlines, and forget it; None if nothing waits."""

        def urgency(one: _Waiting[Item]) -> tuple[bool, float, int]:
            return one.need.start < now, one.need.start, one.number

        texts = [one for one in self._waiting if one.stage == "encode"]
        images = [one for one in self._waiting if one.stage == "decode"]
        if not texts and not images:
            return None
        text, image = min(texts, key=urgency, default=None), min(images, key=urgency, default=None)
        if text is None or image is None:
            chosen = text or image
        elif self._in_a_row == MOST_IN_A_ROW:
            chosen = image
        elif text.need.start >= now and image.need.start >= now + text.need.seconds:
            chosen = text
        else:
            chosen = min(text, image, key=urgency)
        assert chosen is not None
        self._waiting.remove(chosen)
        self._in_a_row = self._in_a_row + 1 if chosen is text and image is not None else 0
        return chosen.stage, chosen.item
