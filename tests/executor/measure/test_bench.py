"""How often things are timed, and networks that are recorded once."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from executor.measure import graphs
from executor.measure.bench import Repeats


@pytest.mark.parametrize(
    ("repeats", "seconds", "counted"),
    [
        (Repeats(5), 1.0, 5),
        (Repeats(5, warmup=2), 1.0, 5),
        (Repeats(5, least=2, enough=1.5), 1.0, 2),
        (Repeats(5, least=3, enough=1.5), 1.0, 3),
        (Repeats(5, least=2, enough=3.5), 1.0, 4),
    ],
)
def test_repeats(repeats: Repeats, seconds: float, counted: int) -> None:
    """Tests that long things are timed less often, but never fewer times than it takes for a spread."""
    calls = []
    assert repeats.times(lambda: calls.append(1) or seconds) == (seconds,) * counted
    assert len(calls) == counted + repeats.warmup


class _Network(nn.Module):
    def forward(self, sample: Tensor, shapes: list[tuple[int, int]], scale: float = 1.0) -> tuple[Tensor]:
        return (sample * scale + len(shapes),)


class _Replay:
    """Stands for a graph: it holds inputs and one output in fixed places, as graphs do."""

    made = 0

    def __init__(self, forward: Any, leaves: list[Any], structure: Any) -> None:
        _Replay.made += 1
        self._forward, self._structure = forward, structure

    def replay(self, leaves: list[Any]) -> Any:
        arguments, options = graphs.pytree.tree_unflatten(leaves, self._structure)
        return self._forward(*arguments, **options)


def test_a_network_is_recorded_once_for_each_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that calls alike share a record, that others do not, and that its signature, which diffusers reads, stays."""
    monkeypatch.setattr(graphs, "_Record", _Replay)
    network = _Network()
    signature = inspect.signature(network.forward)
    with graphs.graphed(network):
        assert inspect.signature(network.forward) == signature
        for size in (2, 2, 3):
            (output,) = network(torch.ones(size), shapes=[(1, 2)], scale=2.0)
            assert output.tolist() == [3.0] * size
        network(torch.ones(2), shapes=[(1, 3)], scale=2.0)
    assert _Replay.made == 3
    assert network.forward.__self__ is network
