"""Blocks of a transformer compiled once for all groups: attention and its exchange are one operator in them.

What `torch.compile` sees of an attention is an operator and the names of its streams. Which group it is over, and who holds
which tokens, the operator looks up when it runs, so that another group compiles nothing anew; numbers of tokens are symbols.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from executor.sequence.communicator import Communicator
from executor.sequence.divert import chosen_kernel, unattended
from executor.sequence.kernel import Kernel, check_splits, plain_attention, plain_kernel

GroupAttention = Callable[[tuple[str, ...], Tensor, Tensor, Tensor, Tensor | None, float | None, Kernel], Tensor]
"""Streams, query, key, value, mask, scale, and what attends on one device."""


class _Running:
    """What attends in the call that runs: asked when the operator runs, never when it is compiled."""

    attention: GroupAttention | None = None
    kernel: Kernel = staticmethod(plain_kernel)


class _Noted:
    """Which streams the attention attends among that is being gone through: known when it is compiled."""

    streams = ""


_RUNNING, _NOTED = _Running(), _Noted()


def _attend(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: float | None, streams: str
) -> Tensor:
    if _RUNNING.attention is None:
        output = _RUNNING.kernel(query, key, value, mask, scale)
    else:
        output = _RUNNING.attention(tuple(streams.split(",")), query, key, value, mask, scale, _RUNNING.kernel)
    return output.transpose(1, 2).contiguous().transpose(1, 2)


def _shape_of_attend(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: float | None, streams: str
) -> Tensor:
    batch, heads, tokens, _ = query.shape
    return query.new_empty((batch, tokens, heads, value.shape[-1])).transpose(1, 2)


_SCHEMA = "(Tensor query, Tensor key, Tensor value, Tensor? mask, float? scale, str streams) -> Tensor"
torch.library.custom_op("tetriplan::attend", _attend, mutates_args=(), schema=_SCHEMA).register_fake(_shape_of_attend)


def _traced(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """Stand for torch's attention while a transformer runs; the compiler looks into it."""
    if not _NOTED.streams:
        options: dict[str, Any] = {"scale": scale, "enable_gqa": enable_gqa}
        return plain_attention(query, key, value, attn_mask, dropout_p, is_causal, **options)
    check_splits(dropout_p, is_causal, enable_gqa)
    attended: Tensor = torch.ops.tetriplan.attend(query, key, value, attn_mask, scale, _NOTED.streams)
    return attended


def note_streams(module: nn.Module, streams: tuple[str, ...]) -> None:
    """Let an attention module say among which streams it attends, wherever it calls torch's attention."""
    forward: Callable[..., Any] = module.forward
    names = ",".join(streams)

    def noted(*args: Any, **kwargs: Any) -> Any:
        _NOTED.streams = names
        try:
            return forward(*args, **kwargs)
        finally:
            _NOTED.streams = ""

    module.forward = noted


def compile_block(block: nn.Module, backend: str | Callable[..., Any]) -> None:
    """Compile what a block does, but for the hooks on it."""
    block.forward = torch.compile(block.forward, backend=backend, dynamic=True)


class Standing:
    """Lets the operator stand for torch's attention while a transformer runs."""

    def __init__(self) -> None:
        self._before: Callable[..., Any] | None = None

    def begin(self, attention: GroupAttention | None) -> None:
        """From now on, over a group, or None; with the kernel that diffusers' dispatcher names."""
        if self._before is None:
            self._before = functional.scaled_dot_product_attention
        functional.scaled_dot_product_attention = _traced
        _RUNNING.attention, _RUNNING.kernel = attention, chosen_kernel()

    def end(self) -> None:
        """As it was before."""
        if self._before is not None:
            functional.scaled_dot_product_attention = self._before  # type: ignore[assignment]
        self._before = _RUNNING.attention = None
        _RUNNING.kernel = plain_kernel


class Counting(Protocol):
    """A call over a group that counts its exchanges."""

    @property
    def communicator(self) -> Communicator:
        """The group."""
        ...

    @property
    def exchanges(self) -> int:
        """Attentions over it so far."""
        ...


class ExchangeCheck:
    """Hooks of a compiled block, outside of what is compiled: each of its attentions must have made one exchange.

    Parameters
    ----------
    attentions
        Those of the block, by name.
    call
        Returns the call that runs; None without a group.
    """

    def __init__(self, attentions: Mapping[str, nn.Module], call: Callable[[], Counting | None]) -> None:
        self._attentions = attentions
        self._call = call
        self._before = 0

    def begin(self, block: nn.Module, args: Any) -> None:
        """Before the block runs."""
        call = self._call()
        self._before = 0 if call is None else call.exchanges

    def end(self, block: nn.Module, args: Any, output: Any) -> None:
        """After it.

        Raises
        ------
        AttentionError
            If there were more exchanges, or fewer.
        """
        call = self._call()
        if call is None or call.exchanges - self._before == len(self._attentions):
            return
        name, module = next(iter(self._attentions.items()))
        why = "does not call torch's attention once, which alone a compiled block can catch"
        raise unattended(name, module, call.communicator.degree - 1, why)
