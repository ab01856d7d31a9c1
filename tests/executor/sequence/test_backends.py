"""Attention backends of diffusers' dispatcher work over a group, and what cannot be caught is never silent."""

from __future__ import annotations

from typing import Any

import diffusers
import pytest
import torch
from diffusers.models.attention_dispatch import AttentionBackendName, attention_backend
from diffusers.models.attention_dispatch import _AttentionBackendRegistry as Registry
from torch import Tensor, nn

from executor.sequence import AttentionError, Loopback, SequenceParallel
from tests.executor.distributed.squad import Member, Squad
from tests.executor.distributed.zoo import CASES, denoise, latents, predict

DISPATCHED = ("flux", "flux2", "qwen", "wan", "ltx")
"""Cases whose processors ask the dispatcher."""

UNMASKED = ("flux", "flux2", "wan")
"""Those of them without a mask: flex, outside of a compiled region, wants masks as blocks of 128 tokens."""


def _backend(name: str) -> Any:
    return attention_backend(AttentionBackendName(name))


def _set(model: nn.Module, backend: str) -> nn.Module:
    """Choose a backend as users do, where the environment does not."""
    for module in model.modules():
        if hasattr(module, "processor"):
            module.processor._attention_backend = AttentionBackendName(backend)
    return model


def _share(member: Member, name: str, backend: str, by_processor: bool, members: tuple[int, ...]) -> Tensor:
    """One step on a group, with a backend."""
    model = CASES[name].build()
    parallel = SequenceParallel(_set(model, backend) if by_processor else model)
    group = member.groups.get(f"{backend}-" + "-".join(map(str, members)), members)
    with parallel.over(group), _backend("native" if by_processor else backend):
        return denoise(model, name, latents(name, 1), 1)


@pytest.mark.parametrize("by_processor", [False, True], ids=["environment", "processor"])
@pytest.mark.parametrize(
    ("name", "backend"),
    [*((name, "flex") for name in UNMASKED), *((name, "_native_math") for name in DISPATCHED)],
)
def test_backends_equal_one_process(squad: Squad, name: str, backend: str, by_processor: bool) -> None:
    """Tests that a backend other than torch's own attends to the tokens of all members, however it was chosen."""
    with _backend(backend):
        expected = denoise(CASES[name].build(), name, latents(name, 1), 1)
    for members in ((0, 1), (3, 0, 2)):
        for output in squad.call(members, _share, name, backend, by_processor, members):
            torch.testing.assert_close(output, expected, atol=2e-6, rtol=0)


def test_the_backend_itself_attends() -> None:
    """Tests that the backend that was chosen is what is called, with all tokens and a share of the heads."""
    seen: list[tuple[int, ...]] = []
    flex = Registry._backends[AttentionBackendName.FLEX]

    def recorded(query: Tensor, **given: Any) -> Any:
        seen.append(tuple(query.shape))
        return flex(query=query, **given)

    model = CASES["flux"].build()
    parallel = SequenceParallel(model)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(Registry._backends, AttentionBackendName.FLEX, recorded)
        with _backend("flex"), parallel.over(Loopback(2)):
            predict(model, "flux", latents("flux", 0), 0)
    assert seen == [(1, 42, 3, 8)] * 3


class LocalProcessor:
    """A processor that attends by itself, as those of xformers do."""

    def __call__(self, attn: Any, hidden_states: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Attend to nobody."""
        return hidden_states


def test_an_attention_that_is_not_caught_is_an_error() -> None:
    """Tests that a module whose processor goes its own way is named with its processor and backend, and only in a group."""
    model = CASES["pixart"].build()
    model.transformer_blocks[1].attn1.set_processor(LocalProcessor())  # type: ignore[index,union-attr,operator]
    parallel = SequenceParallel(model)
    predict(model, "pixart", latents("pixart", 0), 0)
    with (
        parallel.over(Loopback(2)),
        pytest.raises(
            AttentionError,
            match=r"attention module 'transformer_blocks\.1\.attn1' did not attend to the tokens of the other 1 members: "
            r"processor LocalProcessor, attention backend 'native'",
        ),
    ):
        predict(model, "pixart", latents("pixart", 0), 0)


def test_an_attention_that_the_plan_forgets_is_refused() -> None:
    """Tests that a plan that does not say what an attention module attends to is refused, with the module's name."""
    torch.manual_seed(0)
    model = CASES["pixart"].build()
    model.extra = diffusers.models.attention_processor.Attention(8, heads=1, dim_head=8)
    with pytest.raises(ValueError, match=r"PixArtTransformer2DModel attends in extra, of which its plan says nothing"):
        SequenceParallel(model)
    assert not any(module._forward_pre_hooks for module in model.modules())


def test_diffusers_own_parallelism_is_refused() -> None:
    """Tests that a model on which diffusers' own context parallelism is on is refused in words."""
    model = CASES["wan"].build()
    for module in model.modules():
        if hasattr(module, "processor"):
            module.processor._parallel_config = object()
    with SequenceParallel(model).over(Loopback(2)), pytest.raises(ValueError, match="own context parallelism"):
        predict(model, "wan", latents("wan", 0), 0)
