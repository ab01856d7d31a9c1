"""Partial attentions merge to the whole one."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention as sdpa

from executor.sequence.ring import attend, merge


def _tensors() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(2, 3, 9, 4, generator=generator) for _ in range(3)]


@pytest.mark.parametrize("scale", [None, 0.3])
def test_merge(scale: float | None) -> None:
    """Tests that attention over two parts of the keys, merged, is attention over all of them."""
    query, key, value = _tensors()
    parts = [attend(query, key[:, :, cut], value[:, :, cut], None, scale) for cut in (slice(0, 5), slice(5, 9))]
    torch.testing.assert_close(merge(*parts[0], *parts[1])[0], sdpa(query, key, value, scale=scale), atol=1e-6, rtol=0)


@pytest.mark.parametrize("additive", [False, True])
def test_merge_masked(additive: bool) -> None:
    """Tests masks, boolean and additive, of which some leave a part with nothing to attend to."""
    query, key, value = _tensors()
    mask = torch.ones(2, 1, 1, 9, dtype=torch.bool)
    mask[0, ..., 3:] = False
    mask[1, ..., :5] = False
    if additive:
        mask = torch.zeros(mask.shape).masked_fill(~mask, -torch.inf)
    parts = [
        attend(query, key[:, :, cut], value[:, :, cut], mask[..., cut], None) for cut in (slice(0, 5), slice(5, 9))
    ]
    assert all(part.isfinite().all() for part, _ in parts)
    expected = sdpa(query, key, value, attn_mask=mask)
    for first, second in ((0, 1), (1, 0)):
        torch.testing.assert_close(merge(*parts[first], *parts[second])[0], expected, atol=1e-6, rtol=0)


def test_fully_masked_everywhere() -> None:
    """Tests that a query with nothing to attend to in any part gives zeros, not NaN."""
    query, key, value = _tensors()
    part = attend(query, key, value, torch.zeros(9, dtype=torch.bool), None)
    assert not merge(*part, *part)[0].any()
