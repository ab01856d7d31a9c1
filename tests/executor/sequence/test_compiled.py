"""Compiled blocks: the same outputs over any group, and nothing compiled anew when the group changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from diffusers.models.attention_dispatch import AttentionBackendName, attention_backend
from torch import Tensor, nn
from torch._dynamo import reset
from torch.fx import GraphModule
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from executor.sequence import AttentionError, Loopback, SequenceParallel, divert
from executor.sequence.counting import CountingLoopback
from executor.sequence.kernel import plain_attention, plain_kernel
from tests.executor.distributed.squad import Member, Squad
from tests.executor.distributed.zoo import CASES, latents, predict

COMPILED = ("flux", "qwen", "wan")
"""Joint attention, the same with a mask that is split, and attention of the latent alone beside a local one."""

ROUTE: tuple[tuple[int, ...], ...] = ((0, 1), (1, 0, 2), (0,), (0, 2), (2, 1, 0), (1, 0), (0,))
"""Groups of three degrees, each of which member 0 is in."""

FIRST = 3
"""Groups after which all has been compiled: of two and of three members, and of one, which has whole streams."""


class Counted:
    """A compiler that leaves graphs as they are and counts them."""

    def __init__(self) -> None:
        self.graphs = 0

    def __call__(self, graph: GraphModule, inputs: Any) -> Any:
        """Compile nothing."""
        self.graphs += 1
        return graph.forward


@pytest.mark.parametrize(
    ("backend", "enabled"), [("native", "all"), ("_native_math", "math"), ("_native_efficient", "mem_efficient")]
)
def test_the_kernel_that_was_chosen(backend: str, enabled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that compiled blocks attend with the kernel of torch's that diffusers' dispatcher was told to use."""
    found: set[tuple[str, ...]] = set()
    names = ("flash", "mem_efficient", "math", "cudnn")

    def noting(*given: Any) -> Tensor:
        found.add(tuple(name for name in names if getattr(torch.backends.cuda, f"{name}_sdp_enabled")()))
        with sdpa_kernel(SDPBackend.MATH):
            return plain_kernel(*given)

    monkeypatch.setattr(divert, "plain_kernel", noting)
    reset()
    model, sample = CASES["flux"].build(), latents("flux", 1)
    with attention_backend(AttentionBackendName(backend)):
        SequenceParallel(model, compiler=Counted())
        _predict(model, "flux", sample, 1)
    assert found == {names if enabled == "all" else (enabled,)}


def _predict(model: nn.Module, name: str, sample: Tensor, seed: int) -> Tensor:
    with torch.no_grad():
        return predict(model, name, sample, seed)


def _over(member: Member, name: str, members: tuple[int, ...], sample: Tensor, again: bool) -> tuple[Tensor, int]:
    """Return what a member of a group gets of a compiled transformer, and how many graphs there are by now."""
    if not again:
        reset()
        model, compiler = CASES[name].build(), Counted()
        member.kept["compiled", name] = model, compiler, SequenceParallel(model, compiler=compiler)
    model, compiler, parallel = member.kept["compiled", name]
    with parallel.over(member.groups.get("compiled" + "-".join(map(str, members)), members)):
        return _predict(model, name, sample, 1), compiler.graphs


@pytest.mark.parametrize("name", COMPILED)
def test_groups_compile_nothing_anew(squad: Squad, name: str) -> None:
    """Tests that a compiled transformer equals the plain one over every group, with the graphs of its first three."""
    sample = latents(name, 1)
    expected = _predict(CASES[name].build(), name, sample, 1)
    seen: set[int] = set()
    graphs = []
    for members in ROUTE:
        for member in members:
            squad.start((member,), _over, name, members, sample, member in seen)
        answers = dict(zip(members, squad.results(members), strict=True))
        seen.update(members)
        graphs.append(answers[0][1])
        for output, _ in answers.values():
            torch.testing.assert_close(output, expected, atol=2e-6, rtol=0)
    assert graphs[0] > 0
    assert graphs[FIRST:] == [graphs[FIRST - 1]] * (len(ROUTE) - FIRST)


@pytest.mark.parametrize("name", COMPILED)
def test_with_autograd_taken_apart(name: str) -> None:
    """Tests that the operator has the shapes and strides that it says, as a compiler of lower level needs."""
    reset()
    sample = latents(name, 1, 2)
    expected = _predict(CASES[name].build(), name, sample, 1)
    model = CASES[name].build()
    SequenceParallel(model, compiler="aot_eager")
    torch.testing.assert_close(_predict(model, name, sample, 1), expected, atol=2e-6, rtol=0)


def test_exchanges_are_counted() -> None:
    """Tests that a compiled transformer sends what the plain one sends, call by call and byte by byte."""
    reset()
    sent = []
    for compiler in (None, "eager"):
        model, group = CASES["flux"].build(), CountingLoopback(5)
        with SequenceParallel(model, compiler=compiler).over(group):
            predict(model, "flux", latents("flux", 0), 0)
        sent.append((group.calls, group.sent))
    assert sent[0] == sent[1]


def test_an_attention_that_is_not_caught_is_an_error() -> None:
    """Tests that a backend that is not torch's own, which a compiled block does not catch, is named, and only in a group."""
    reset()
    model = CASES["flux"].build()
    model.transformer_blocks[0].attn.processor._attention_backend = AttentionBackendName.FLEX  # type: ignore
    parallel = SequenceParallel(model, compiler="eager")
    with (
        parallel.over(Loopback(2)),
        pytest.raises(AttentionError, match=r"attention module 'transformer_blocks\.0\.attn' did not attend .*'flex'"),
    ):
        predict(model, "flux", latents("flux", 0), 0)
    assert functional.scaled_dot_product_attention is plain_attention


def test_removal() -> None:
    """Tests that a transformer is what it was when compilation is taken off it again."""
    reset()
    case = CASES["sd3.5"]
    model = replace(case, config=case.config | {"num_layers": 2}).build()
    parallel = SequenceParallel(model, compiler="eager")
    _predict(model, "sd3.5", latents("sd3.5", 0), 0)
    parallel.remove()
    assert all("forward" not in vars(module) for module in model.modules())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    assert functional.scaled_dot_product_attention is plain_attention
