"""Who holds which tokens."""

from __future__ import annotations

import torch

from executor.sequence.layout import Layout, shard_sizes, ulysses_width


def test_shard_sizes() -> None:
    """Tests that shards are those of `torch.tensor_split`."""
    for length in range(12):
        for parts in range(1, 6):
            assert shard_sizes(length, parts) == tuple(map(len, torch.arange(length).tensor_split(parts)))


def test_order() -> None:
    """Tests that shard order is a permutation, and that members' sizes add up, for uneven streams."""
    layout = Layout((7, 35), 4)
    assert sorted(layout.order) == list(range(layout.total)) == list(range(42))
    assert layout.sizes == (2 + 9, 2 + 9, 2 + 9, 1 + 8)
    assert layout.order[:4] == (0, 1, 7, 8)


def test_ulysses_width() -> None:
    """Tests that heads are split as far as there are any, over a divisor of the degree."""
    assert [ulysses_width(degree, 3) for degree in (1, 2, 3, 4, 6, 8)] == [1, 2, 3, 2, 3, 2]
    assert ulysses_width(8, 24) == 8
