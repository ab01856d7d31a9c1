"""What sequence parallelism needs of a group of processes, and a stand-in for it in one process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor


class Pending(Protocol):
    """A transfer under way."""

    def wait(self) -> object:
        """Block until it is done (on CUDA: make the current stream wait for it)."""
        ...


class Communicator(Protocol):
    """Collectives among the members of one group. All tensors are contiguous.

    Every method raises ``RuntimeError`` when a member is gone or the group's timeout passes.
    """

    @property
    def rank(self) -> int:
        """Which member this process is, from 0."""
        ...

    @property
    def degree(self) -> int:
        """Number of members."""
        ...

    def all_to_all(
        self, output: Tensor, input: Tensor, output_sizes: Sequence[int], input_sizes: Sequence[int]
    ) -> None:
        """Send consecutive pieces of the flat ``input`` to the members by rank; receive theirs likewise.

        Sizes count elements, one per member; a size of zero sends nothing.
        """
        ...

    def all_gather(self, output: Tensor, input: Tensor) -> None:
        """Collect everybody's ``input`` into ``output``, of shape ``(degree, *input.shape)``."""
        ...

    def shift(self, output: Tensor, input: Tensor, to: int, source: int) -> Pending:
        """Begin to send ``input`` to the member ``to`` and to receive ``output`` from ``source``."""
        ...


class _Done:
    def wait(self) -> None:
        """Nothing to wait for."""


class Loopback:
    """One member's share of a group, without the others: what it would receive is filled with what it sends.

    For timing only. A collective costs the copy of as many bytes as a real one would bring, and the values
    that come out are meaningless (but finite, since they were in the input).

    Parameters
    ----------
    degree
        Size of the group that is pretended.
    rank
        The member whose share is run; rank 0 has the most heads and tokens.
    """

    def __init__(self, degree: int, rank: int = 0) -> None:
        self.rank = rank
        self.degree = degree

    def all_to_all(
        self, output: Tensor, input: Tensor, output_sizes: Sequence[int], input_sizes: Sequence[int]
    ) -> None:
        """Fill ``output`` with what ``input`` holds, over and over."""
        _fill(output, input)

    def all_gather(self, output: Tensor, input: Tensor) -> None:
        """Every member's part becomes this one's."""
        output.copy_(input.expand_as(output))

    def shift(self, output: Tensor, input: Tensor, to: int, source: int) -> Pending:
        """Receive what was sent."""
        _fill(output, input)
        return _Done()


def _fill(output: Tensor, input: Tensor) -> None:
    target, source = output.view(-1), input.view(-1)
    for first in range(0, target.numel(), max(1, source.numel())):
        part = target[first : first + source.numel()]
        part.copy_(source[: part.numel()]) if source.numel() else torch.zero_(part)
