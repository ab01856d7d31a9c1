"""Ring attention: keys and values travel around, partial results are merged by their log-sum-exp.

Source: Liu et al., Ring Attention (arXiv 2310.01889); the merge is the online softmax of FlashAttention. The
ring runs across the rows of `executor.sequence.exchange`; with one row it is one plain attention.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from executor.sequence.communicator import Communicator
from executor.sequence.kernel import Kernel, plain_kernel


def attend(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: float | None
) -> tuple[Tensor, Tensor]:
    """Attention over a part of the keys, with the log of the sum of the exponentials that normalized it.

    Parameters
    ----------
    query, key, value
        Shape ``(batch, heads, tokens, head size)``.
    mask
        Broadcastable to ``(batch, heads, query tokens, key tokens)``: boolean (True attends) or added to the
        scores.
    scale
        Factor of the scores; None is one over the root of the head size.

    Returns
    -------
    tuple
        The result in float32, and log-sum-exp of shape ``(batch, heads, query tokens, 1)``; where a mask
        leaves nothing to attend to, zero and minus infinity.
    """
    if mask is None and query.device.type == "cpu":
        output, sums = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(query, key, value, scale=scale)
        return output.float(), sums.unsqueeze(-1)
    if mask is None and query.dtype in (torch.float16, torch.bfloat16):
        output, sums, *_ = torch.ops.aten._scaled_dot_product_flash_attention(query, key, value, scale=scale)
        return output.float(), sums[..., : query.shape[2]].unsqueeze(-1)
    factor = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = (query.float() * factor) @ key.float().transpose(-1, -2)
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else scores + mask
    sums = scores.logsumexp(dim=-1, keepdim=True)
    weights = (scores - sums.masked_fill(sums == -math.inf, 0.0)).exp()
    return weights @ value.float(), sums


def merge(output: Tensor, sums: Tensor, other: Tensor, other_sums: Tensor) -> tuple[Tensor, Tensor]:
    """Merge two partial attentions over disjoint keys."""
    total = torch.logaddexp(sums, other_sums)
    safe = total.masked_fill(total == -math.inf, 0.0)
    return output * (sums - safe).exp() + other * (other_sums - safe).exp(), total


def ring_attention(
    communicator: Communicator,
    width: int,
    row_tokens: Sequence[int],
    query: Tensor,
    key_value: Tensor,
    mask: Tensor | None,
    scale: float | None,
    kernel: Kernel = plain_kernel,
) -> Tensor:
    """Attend to the keys of all rows.

    Parameters
    ----------
    communicator
        The group.
    width
        Ranks per row; a member trades with the members at its own place in the neighbouring rows.
    row_tokens
        Tokens of every row.
    query
        Shape ``(batch, heads, tokens of this row, head size)``.
    key_value
        Shape ``(tokens of this row, 2, batch, heads, head size)``, contiguous.
    mask
        Over the keys of all rows in shard order, or None.
    scale
        As in `attend`.
    kernel
        What attends where there is one row; several are merged from what `attend` returns.

    Returns
    -------
    Tensor
        As ``query``.
    """
    rows = len(row_tokens)
    mine = communicator.rank // width
    if rows == 1:
        key, value = key_value.permute(1, 2, 3, 0, 4).unbind(0)
        return kernel(query, key, value, mask, scale)
    to = (communicator.rank + width) % communicator.degree
    source = (communicator.rank - width) % communicator.degree
    result: tuple[Tensor, Tensor] | None = None
    for turn in range(rows):
        row = (mine - turn) % rows
        upcoming = (row - 1) % rows
        last = turn == rows - 1
        if not last:
            arriving = key_value.new_empty((row_tokens[upcoming], *key_value.shape[1:]))
            pending = communicator.shift(arriving, key_value, to, source)
        key, value = key_value.permute(1, 2, 3, 0, 4).unbind(0)
        first = sum(row_tokens[:row])
        seen = mask
        if mask is not None and mask.shape[-1] > 1:
            seen = mask[..., first : first + row_tokens[row]]
        part = attend(query, key, value, seen, scale)
        result = part if result is None else merge(*result, *part)
        if not last:
            pending.wait()
            key_value = arriving
    assert result is not None
    return result[0].to(query.dtype)
