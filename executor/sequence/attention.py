"""Attention over a group: Ulysses, ring, or Ulysses over ring (USP).

Source of USP: Fang and Zhao (arXiv 2405.07719). One code path serves all three: heads are split over rows of
``width`` ranks, keys and values travel across the rows. ``width == degree`` is Ulysses, ``width == 1`` is
ring attention.
"""

from __future__ import annotations

import torch
from torch import Tensor

from executor.sequence.communicator import Communicator
from executor.sequence.exchange import HeadRow, gather_heads, scatter_heads
from executor.sequence.kernel import Kernel, plain_kernel
from executor.sequence.layout import Layout, ulysses_width
from executor.sequence.ring import ring_attention


def group_attention(
    communicator: Communicator,
    layout: Layout,
    width: int | None,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None = None,
    scale: float | None = None,
    kernel: Kernel = plain_kernel,
) -> Tensor:
    """Attend to the tokens of all members.

    Parameters
    ----------
    communicator
        The group.
    layout
        Who holds which tokens.
    width
        Ranks over which heads are split, a divisor of the degree; None splits heads as far as there are any.
    query, key, value
        Shape ``(batch, heads, tokens held, head size)``, all three alike.
    mask
        Boolean or additive, broadcastable to ``(batch, heads, tokens, tokens)`` of all members, in shard
        order.
    scale
        Factor of the scores; None is one over the root of the head size.
    kernel
        What attends to all tokens with a share of the heads. Where keys and values travel around a ring, whose parts are
        merged by their log-sum-exp, the ring's own does it.

    Returns
    -------
    Tensor
        Shape ``(batch, heads, tokens held, head size)``.

    Raises
    ------
    ValueError
        If the shapes do not agree with the layout, or ``width`` does not divide the degree.
    """
    rank, degree = communicator.rank, communicator.degree
    batch, heads, tokens, size = query.shape
    if not query.shape == key.shape == value.shape:
        raise ValueError(f"query, key, value have shapes {query.shape}, {key.shape}, {value.shape}; they must be alike")
    if tokens != layout.sizes[rank]:
        raise ValueError(
            f"attention got {tokens} tokens; member {rank} of {degree} holds {layout.sizes[rank]} of {layout}"
        )
    width = ulysses_width(degree, heads) if width is None else width
    if degree % width:
        raise ValueError(f"ulysses width is {width}; it must divide the degree, {degree}")
    row = HeadRow.of(rank, width, layout.sizes, heads)
    mine = row.heads[row.mine]
    traded = scatter_heads(communicator, row, (query, key, value))
    if mask is not None:
        mask = _slice_mask(mask, row, layout)
    if mine:
        row_tokens = [sum(layout.sizes[first : first + width]) for first in range(0, degree, width)]
        key_value = traded[:, 1:] if len(row_tokens) == 1 else traded[:, 1:].contiguous()
        output = ring_attention(
            communicator, width, row_tokens, traded[:, 0].permute(1, 2, 0, 3), key_value, mask, scale, kernel
        )
    else:
        output = query.new_empty((batch, 0, sum(row.tokens), size))
    return gather_heads(communicator, row, output)


def _slice_mask(mask: Tensor, row: HeadRow, layout: Layout) -> Tensor:
    """Cut a mask to the heads of this member and the queries of its row."""
    mask = mask[(None,) * (4 - mask.ndim)]
    if mask.shape[1] > 1:
        first = sum(row.heads[: row.mine])
        mask = mask[:, first : first + row.heads[row.mine]]
    if mask.shape[2] > 1:
        first = sum(layout.sizes[: row.first])
        mask = mask[:, :, first : first + sum(row.tokens)]
    return mask


def in_shard_order(mask: Tensor, layout: Layout) -> Tensor:
    """Permute the keys of a mask (and its queries, if it has them) from full order to shard order."""
    order = torch.tensor(layout.order, device=mask.device)
    if mask.ndim > 1 and mask.shape[-2] == layout.total:
        mask = mask.index_select(-2, order)
    return mask.index_select(-1, order) if mask.shape[-1] > 1 else mask
