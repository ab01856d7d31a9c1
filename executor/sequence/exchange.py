"""Ulysses: trade a shard of the tokens with all heads for all tokens with a shard of the heads, and back.

Source: Jacobs et al., DeepSpeed Ulysses (arXiv 2309.14509). Query, key and value travel stacked, in one
all-to-all; heads and tokens may both be uneven. Tokens are the outermost dimension of what travels, so that
what arrives needs no reordering.

A group of ``degree`` members is cut into rows of ``width`` consecutive ranks; each row trades among itself
(with ``width == degree`` there is one row, and with ``width == 1`` nothing is traded).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from executor.sequence.communicator import Communicator
from executor.sequence.layout import shard_sizes


@dataclass(frozen=True)
class HeadRow:
    """The members among which heads are traded.

    Parameters
    ----------
    first
        Rank of its first member in the group.
    tokens
        Tokens that each of its members holds.
    heads
        Heads that each of its members gets.
    mine
        This process's place in the row.
    """

    first: int
    tokens: tuple[int, ...]
    heads: tuple[int, ...]
    mine: int

    @classmethod
    def of(cls, rank: int, width: int, sizes: Sequence[int], heads: int) -> HeadRow:
        """Row of the member ``rank``, in a group whose members hold ``sizes`` tokens."""
        first = rank - rank % width
        return cls(first, tuple(sizes[first : first + width]), shard_sizes(heads, width), rank - first)

    def sizes(self, per_member: Sequence[int], degree: int) -> list[int]:
        """Elements per member of the whole group, zero outside of the row."""
        found = [0] * degree
        found[self.first : self.first + len(per_member)] = per_member
        return found


def scatter_heads(communicator: Communicator, row: HeadRow, tensors: Sequence[Tensor]) -> Tensor:
    """Trade tokens for heads.

    Parameters
    ----------
    communicator
        The group.
    row
        Who trades.
    tensors
        ``n`` tensors of shape ``(batch, heads, tokens held, head size)``.

    Returns
    -------
    Tensor
        Shape ``(tokens of the row, n, batch, heads of this member, head size)``; the tokens are in shard
        order.
    """
    batch, _, tokens, size = tensors[0].shape
    count = len(tensors)
    per_head = count * batch * size
    if len(row.tokens) == 1:
        return torch.stack([tensor.permute(2, 0, 1, 3) for tensor in tensors], dim=1)
    sent = [tokens * heads * per_head for heads in row.heads]
    received = [held * row.heads[row.mine] * per_head for held in row.tokens]
    outgoing = tensors[0].new_empty(sum(sent))
    # As many heads for each member: all pieces in one copy. Uneven ones: the larger, then the smaller shares.
    head = done = 0
    for heads, members in Counter(row.heads).items():
        cut = [tensor[:, head : head + heads * members].view(batch, members, heads, tokens, size) for tensor in tensors]
        piece = outgoing[done : done + members * tokens * heads * per_head]
        torch.stack(
            [tensor.permute(1, 3, 0, 2, 4) for tensor in cut],
            dim=2,
            out=piece.view(members, tokens, count, batch, heads, size),
        )
        head, done = head + heads * members, done + piece.numel()
    incoming = tensors[0].new_empty(sum(received))
    degree = communicator.degree
    communicator.all_to_all(incoming, outgoing, row.sizes(received, degree), row.sizes(sent, degree))
    return incoming.view(sum(row.tokens), count, batch, row.heads[row.mine], size)


def gather_heads(communicator: Communicator, row: HeadRow, output: Tensor) -> Tensor:
    """Trade heads for tokens: undo `scatter_heads` for the result of an attention.

    Parameters
    ----------
    communicator
        The group.
    row
        Who trades.
    output
        Shape ``(batch, heads of this member, tokens of the row, head size)``.

    Returns
    -------
    Tensor
        Shape ``(batch, heads, tokens held, head size)``.
    """
    if len(row.tokens) == 1:
        return output
    batch, heads, _, size = output.shape
    held = row.tokens[row.mine]
    sent = [tokens * batch * heads * size for tokens in row.tokens]
    received = [held * batch * theirs * size for theirs in row.heads]
    outgoing = output.permute(2, 0, 1, 3).contiguous()
    incoming = output.new_empty(sum(received))
    degree = communicator.degree
    communicator.all_to_all(incoming, outgoing.view(-1), row.sizes(received, degree), row.sizes(sent, degree))
    pieces = [
        piece.view(held, batch, theirs, size)
        for theirs, piece in zip(row.heads, torch.split(incoming, received), strict=True)
    ]
    return torch.cat(pieces, dim=2).permute(1, 2, 0, 3)


def gather_tokens(communicator: Communicator, shard: Tensor, dim: int, length: int) -> Tensor:
    """All-gather a stream that was split along ``dim``; short shards are padded on the way.

    Returns
    -------
    Tensor
        As ``shard``, with ``length`` entries along ``dim``.
    """
    sizes = shard_sizes(length, communicator.degree)
    moved = shard.movedim(dim, 0)
    padded = moved.new_zeros((sizes[0], *moved.shape[1:]))
    padded[: moved.shape[0]] = moved
    gathered = padded.new_empty((communicator.degree, *padded.shape))
    communicator.all_gather(gathered, padded)
    return torch.cat([part[:size] for part, size in zip(gathered, sizes, strict=True)]).movedim(0, dim)
