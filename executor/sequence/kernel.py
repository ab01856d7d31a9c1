"""What attends to tokens that are all in one place."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional

Kernel = Callable[[Tensor, Tensor, Tensor, Tensor | None, float | None], Tensor]
"""Query, key, value of shape ``(batch, heads, tokens, head size)``, mask, scale; returns what is shaped as the query."""


plain_attention = functional.scaled_dot_product_attention
"""Torch's own, also while another function takes its place."""


def plain_kernel(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: float | None) -> Tensor:
    """Attend as torch does."""
    return plain_attention(query, key, value, attn_mask=mask, scale=scale)
