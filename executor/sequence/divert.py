"""Where attention is caught, so that it can run over a group: in torch, and in diffusers' dispatcher.

Older processors of diffusers call `scaled_dot_product_attention` themselves. Newer ones ask a dispatcher, which hands over
to a backend: torch again, or flex, flash, sage, xformers and their kin. A backend that is caught attends to all tokens
with a share of the heads, as it would on one device with fewer heads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from diffusers.models.attention_dispatch import _AttentionBackendRegistry as Registry
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from executor.sequence.kernel import Kernel, check_splits, plain_attention, plain_kernel

Attention = Callable[[Tensor, Tensor, Tensor, Tensor | None, float | None, Kernel], Tensor]
"""Query, key, value of shape ``(batch, heads, tokens held, head size)``, mask, scale, and what attends on one device."""

AttentionBackend = Callable[..., Any]


class AttentionError(RuntimeError):
    """An attention module of a group did not attend to the other members' tokens; the message names it."""


class ReplaceAttention:
    """While active, attention is another function, whichever way it is called.

    Parameters
    ----------
    attention
        Takes its place. What it calls in turn is not diverted.
    """

    def __init__(self, attention: Attention) -> None:
        self._attention = attention
        self._before: dict[Any, AttentionBackend] = {}
        self._torch: AttentionBackend = plain_attention
        self._inside = False

    def __enter__(self) -> ReplaceAttention:
        self._before, self._torch = Registry._backends, functional.scaled_dot_product_attention
        Registry._backends = _Diverted(self._before, self._divert_backend)
        functional.scaled_dot_product_attention = self._divert  # type: ignore[assignment]
        return self

    def __exit__(self, *exception: object) -> None:
        Registry._backends = self._before
        functional.scaled_dot_product_attention = self._torch  # type: ignore[assignment]

    def _divert(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        enable_gqa: bool = False,
        kernel: Kernel = plain_kernel,
    ) -> Tensor:
        if self._inside:
            options = {"scale": scale, "enable_gqa": enable_gqa}
            plain: Tensor = self._torch(query, key, value, attn_mask, dropout_p, is_causal, **options)
            return plain
        check_splits(dropout_p, is_causal, enable_gqa)
        self._inside = True
        try:
            return self._attention(query, key, value, attn_mask, scale, kernel)
        finally:
            self._inside = False

    def _divert_backend(
        self,
        backend: AttentionBackend,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Any = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        enable_gqa: bool = False,
        return_lse: bool = False,
        _parallel_config: Any = None,
        **further: Any,
    ) -> Tensor:
        """Divert a backend, whose tensors have shape ``(batch, tokens, heads, head size)``."""
        if return_lse or _parallel_config is not None:
            raise ValueError(
                "attention that returns its log-sum-exp, or with diffusers' own context parallelism, cannot be split; "
                "take enable_parallelism off"
            )
        if not (attn_mask is None or isinstance(attn_mask, Tensor)):
            raise ValueError(f"a mask of type {type(attn_mask).__name__} cannot be split; a tensor can")
        if attn_mask is not None and attn_mask.ndim == 2:
            attn_mask = attn_mask[:, None, None]

        def kernel(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: float | None) -> Tensor:
            query, key, value = (tensor.transpose(1, 2) for tensor in (query, key, value))
            given = (
                further | ({} if mask is None else {"attn_mask": mask}) | ({} if scale is None else {"scale": scale})
            )
            output: Tensor = backend(query=query, key=key, value=value, **given)
            return output.transpose(1, 2)

        output = self._divert(
            query.transpose(1, 2),
            key.transpose(1, 2),
            value.transpose(1, 2),
            attn_mask,
            dropout_p,
            is_causal,
            scale,
            enable_gqa,
            kernel,
        )
        return output.transpose(1, 2)


class _Diverted(dict[Any, AttentionBackend]):
    """The backends of the dispatcher, each of which is called by way of another function."""

    def __init__(self, backends: Mapping[Any, AttentionBackend], divert: Callable[..., Tensor]) -> None:
        super().__init__(backends)
        self._divert = divert

    def __getitem__(self, name: Any) -> AttentionBackend:
        backend = super().__getitem__(name)
        return lambda **given: self._divert(backend, **given)

    def get(self, name: Any, default: Any = None) -> Any:
        """As of any dictionary."""
        try:
            return self[name]
        except KeyError:
            return default


_OF_TORCH = {
    "_native_cudnn": SDPBackend.CUDNN_ATTENTION,
    "_native_efficient": SDPBackend.EFFICIENT_ATTENTION,
    "_native_flash": SDPBackend.FLASH_ATTENTION,
    "_native_math": SDPBackend.MATH,
}
"""Backends of the dispatcher that are one of torch's own kernels."""


def active_backend() -> str:
    """Return the name of the dispatcher's backend where a module names none of its own."""
    return str(Registry._active_backend.value)


def chosen_kernel() -> Kernel:
    """Return the kernel of torch's that the dispatcher's backend names; torch's own choice where it names none."""
    backend = _OF_TORCH.get(active_backend())
    if backend is None:
        return plain_kernel

    def kernel(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: float | None) -> Tensor:
        with sdpa_kernel(backend):
            return plain_kernel(query, key, value, mask, scale)

    return kernel


def attention_of(module: nn.Module) -> str:
    """Return in words what an attention module attends with: its processor and its backend."""
    processor = getattr(module, "processor", None)
    backend = getattr(processor, "_attention_backend", None) or Registry._active_backend
    name = getattr(backend, "value", backend)
    return f"processor {type(processor).__name__}, attention backend {name!r}"


def unattended(name: str, module: nn.Module, others: int, why: str) -> AttentionError:
    """Return what is raised where an attention module made no exchange."""
    return AttentionError(
        f"attention module {name!r} did not attend to the tokens of the other {others} members: {attention_of(module)} "
        f"{why}; use another processor, or groups of one"
    )
