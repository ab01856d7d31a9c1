"""How tokens lie over the members of a group: who holds which part of which stream."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache


@lru_cache(maxsize=4096)
def shard_sizes(length: int, parts: int) -> tuple[int, ...]:
    """Sizes of ``parts`` shards of ``length`` things, larger ones first, as `torch.tensor_split` does."""
    base, extra = divmod(length, parts)
    return tuple(base + (part < extra) for part in range(parts))


@dataclass(frozen=True)
class Layout:
    """The streams of one attention, split over the members of a group.

    A member holds, one after the other, its shard of every stream. *Full order* is all of stream 0, then all
    of stream 1; *shard order* is all that member 0 holds, then all that member 1 holds.

    Parameters
    ----------
    lengths
        Tokens of every stream, in the order in which the attention concatenates them.
    degree
        Members of the group.
    """

    lengths: tuple[int, ...]
    degree: int

    @property
    def total(self) -> int:
        """Tokens of all streams."""
        return sum(self.lengths)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Tokens that every member holds, by rank."""
        return _sizes(self.lengths, self.degree)

    @property
    def order(self) -> tuple[int, ...]:
        """Positions in full order, listed in shard order."""
        return _order(self.lengths, self.degree)


@lru_cache(maxsize=4096)
def _sizes(lengths: tuple[int, ...], degree: int) -> tuple[int, ...]:
    shards = [shard_sizes(length, degree) for length in lengths]
    return tuple(sum(sizes) for sizes in zip(*shards, strict=True))


@lru_cache(maxsize=256)
def _order(lengths: tuple[int, ...], degree: int) -> tuple[int, ...]:
    order: list[int] = []
    for rank in range(degree):
        offset = 0
        for length in lengths:
            sizes = shard_sizes(length, degree)
            first = offset + sum(sizes[:rank])
            order.extend(range(first, first + sizes[rank]))
            offset += length
    return tuple(order)


def ulysses_width(degree: int, heads: int) -> int:
    """Return the largest divisor of ``degree`` that is at most ``heads``: how far heads can be split."""
    return max(width for width in range(1, degree + 1) if degree % width == 0 and width <= heads)
