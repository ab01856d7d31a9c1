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


def check_splits(dropout_p: float, is_causal: bool, enable_gqa: bool) -> None:
    """Refuse what only plain attention can do.

    Raises
    ------
    ValueError
        If attention with these arguments of torch's cannot be split over a group.
    """
    if dropout_p or is_causal or enable_gqa:
        raise ValueError(
            f"attention with dropout_p={dropout_p}, is_causal={is_causal}, enable_gqa={enable_gqa} "
            "cannot be split; plain attention can"
        )
