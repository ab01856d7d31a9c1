"""Counted communication."""

from __future__ import annotations

from executor.sequence import SequenceParallel
from executor.sequence.counting import CountingLoopback
from tests.executor.distributed.zoo import CASES, HEADS, SIZE, TEXT, latents, predict


def test_ulysses_bytes() -> None:
    """Tests that calls and bytes are those of the formula: per attention q, k, v out and the result back."""
    model = CASES["flux"].build()
    group = CountingLoopback(5)
    with SequenceParallel(model).over(group):
        predict(model, "flux", latents("flux", 0), 0)
    held = 2 + 35 // 5  # tokens of the text (7, the first member has 2) and of the latent that a member holds
    attentions = 3
    outgoing = 3 * held * HEADS * SIZE * (HEADS - 1) // HEADS
    back = (TEXT + 35 - held) * SIZE
    gathered = 4 * 35 // 5 * 4
    assert group.calls == 2 * attentions + 1
    assert group.sent == 4 * (attentions * (outgoing + back) + gathered)


def test_ring_bytes() -> None:
    """Tests that a ring passes keys and values on once less than it has members."""
    model = CASES["wan"].build()
    group = CountingLoopback(3)
    with SequenceParallel(model).over(group, width=1):
        predict(model, "wan", latents("wan", 0), 0)
    assert group.calls == 2 * 2 + 1
    assert group.sent == 4 * (2 * 2 * 2 * 10 * HEADS * SIZE + 2 * 10 * 16)
