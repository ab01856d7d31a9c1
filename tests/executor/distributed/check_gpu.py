"""Whether groups give on a GPU what one process gives: ``python -m tests.executor.distributed.check_gpu``.

Processes share one GPU, which NCCL does not allow, so that what they exchange goes through host memory; all else,
attention's backends above all, is as on several GPUs. Families may be named; without a GPU it rehearses on the processor.
Prints a table, by family, type and backend; the exit code is 1 if a group is wrong.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import torch
from diffusers.models.attention_dispatch import AttentionBackendName, attention_backend
from torch import Tensor

from executor.sequence import SequenceParallel
from tests.executor.distributed.squad import Member, Squad
from tests.executor.distributed.zoo import CASES, denoise, latents

BACKENDS = ("native", "_native_flash", "_native_cudnn", "_native_efficient")
"""Of diffusers' dispatcher, that need nothing installed."""

WRONG = {torch.float32: 1e-4, torch.bfloat16: 5e-3}
"""Relative error that rounding does not explain. Without exchange, the negative control, it is about 1e-2."""


class Staged:
    """A group on host memory, for tensors of a GPU."""

    def __init__(self, group: Any) -> None:
        self._group = group
        self.rank, self.degree = group.rank, group.degree

    def all_to_all(
        self, output: Tensor, input: Tensor, output_sizes: Sequence[int], input_sizes: Sequence[int]
    ) -> None:
        """See `executor.sequence.Communicator.all_to_all`."""
        there = torch.empty_like(output, device="cpu")
        self._group.all_to_all(there, input.cpu(), output_sizes, input_sizes)
        output.copy_(there)

    def all_gather(self, output: Tensor, input: Tensor) -> None:
        """See `executor.sequence.Communicator.all_gather`."""
        there = torch.empty_like(output, device="cpu")
        self._group.all_gather(there, input.contiguous().cpu())
        output.copy_(there)


def _device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def _on_gpu(dtype: torch.dtype, name: str) -> tuple[torch.nn.Module, Tensor]:
    return CASES[name].build(dtype).to(_device()), latents(name, 1).to(_device(), dtype)


def _step(model: torch.nn.Module, name: str, sample: Tensor, backend: str) -> Tensor:
    with attention_backend(AttentionBackendName(backend)):
        return denoise(model, name, sample, 1).float().cpu()


def share(member: Member, name: str, dtype: torch.dtype, backend: str, degree: int, exchange: bool) -> Tensor | str:
    """Return a step on a group of the first processes, or why there is none; without exchange each sees its own tokens."""
    members = tuple(range(degree))
    try:
        model, sample = _on_gpu(dtype, name)
        group = Staged(member.groups.get(f"{degree}", members))
        if not exchange:
            group.all_to_all = lambda output, input, *_: output.copy_(input.repeat(2)[: output.numel()])  # type: ignore[method-assign]
        with SequenceParallel(model).over(group):
            return _step(model, name, sample, backend)
    except (RuntimeError, ValueError, TypeError) as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0][:90]}"


def plain(member: Member, name: str, dtype: torch.dtype, backend: str) -> Tensor | str:
    """Return the same step on one process."""
    try:
        model, sample = _on_gpu(dtype, name)
        return _step(model, name, sample, backend)
    except (RuntimeError, ValueError, TypeError) as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0][:90]}"


def main() -> int:
    """Check all, print a table."""
    squad, wrong = Squad(3, method="spawn"), 0
    try:
        for name in sys.argv[1:] or CASES:
            for dtype in (torch.float32, torch.bfloat16):
                for backend in BACKENDS:
                    alone = squad.call((0,), plain, name, dtype, backend)[0]
                    label = f"{name:<10} {str(dtype)[6:]:<9} {backend:<18}"
                    if isinstance(alone, str):
                        print(f"{label} not on one process either: {alone}")
                        continue
                    told = []
                    for degree, exchange in ((2, True), (3, True), (2, False)):
                        parts = squad.call(range(degree), share, name, dtype, backend, degree, exchange)
                        text = next((part for part in parts if isinstance(part, str)), None)
                        errors = [] if text else [float((part - alone).norm() / alone.norm()) for part in parts]
                        bad = exchange and (text is not None or not max(errors) < WRONG[dtype])
                        wrong += bad
                        what = f"degree {degree}" if exchange else "without exchange"
                        told.append(f"{what}: {text or f'{max(errors):.1e}'}{' WRONG' if bad else ''}")
                    print(f"{label} {'; '.join(told)}", flush=True)
    finally:
        squad.close()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
