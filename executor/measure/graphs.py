"""Networks without the time that the host takes to start their kernels: recorded once as a CUDA graph, and replayed."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree


@contextmanager
def graphed(network: nn.Module) -> Iterator[None]:
    """Let every call of a network inside be a replay of the first one with tensors of the same shapes.

    What it computes must not depend on values that the host looks at. Hooks around the network itself stay outside.

    Raises
    ------
    RuntimeError
        At a call, if it cannot be recorded.
    """
    records: dict[Any, _Record] = {}
    forward = network.forward

    @functools.wraps(forward)  # diffusers looks at the signature
    def call(*arguments: Any, **options: Any) -> Any:
        leaves, structure = pytree.tree_flatten((arguments, options))
        key = tuple((tuple(x.shape), x.dtype, x.device) if isinstance(x, Tensor) else repr(x) for x in leaves)
        if key not in records:
            records[key] = _Record(forward, leaves, structure)
        return records[key].replay(leaves)

    network.forward = call
    try:
        yield
    finally:
        network.forward = forward


class _Record:
    def __init__(self, forward: Any, leaves: list[Any], structure: Any) -> None:
        self._inputs = [x.clone() if isinstance(x, Tensor) else x for x in leaves]
        arguments, options = pytree.tree_unflatten(self._inputs, structure)
        stream: Any = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            forward(*arguments, **options)
        torch.cuda.current_stream().wait_stream(stream)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._output = forward(*arguments, **options)

    def replay(self, leaves: list[Any]) -> Any:
        for mine, given in zip(self._inputs, leaves, strict=True):
            if isinstance(mine, Tensor):
                mine.copy_(given)
        self._graph.replay()
        return pytree.tree_map(lambda x: x.clone() if isinstance(x, Tensor) else x, self._output)
