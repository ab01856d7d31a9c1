"""One member's share of a group, run by one process: it does what a real member does."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from executor.sequence import SequenceParallel
from executor.sequence.counting import CountingLoopback
from tests.executor.distributed.squad import Member, Squad
from tests.executor.distributed.zoo import CASES, latents, predict


class _Operators(TorchDispatchMode):
    """Counts operators with the shapes of what they take, but not those inside of collectives."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: Counter[tuple[Any, ...]] = Counter()
        self.quiet = False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if not self.quiet:
            shapes = tuple(tuple(value.shape) for value in args if isinstance(value, torch.Tensor))
            self.seen[str(func), shapes] += 1
        return func(*args, **(kwargs or {}))


class _Watched(CountingLoopback):
    """Counts collectives, and does them on a group if there is one."""

    def __init__(self, degree: int, rank: int, operators: _Operators, group: Any = None) -> None:
        super().__init__(degree, rank)
        self._operators = operators
        self._group = group

    def all_to_all(self, output: Any, input: Any, output_sizes: Any, input_sizes: Any) -> None:
        """See `CountingLoopback.all_to_all`."""
        self._operators.quiet = True
        super().all_to_all(output, input, output_sizes, input_sizes)
        if self._group is not None:
            self._group.all_to_all(output, input, output_sizes, input_sizes)
        self._operators.quiet = False

    def all_gather(self, output: Any, input: Any) -> None:
        """See `CountingLoopback.all_gather`."""
        self._operators.quiet = True
        super().all_gather(output, input)
        if self._group is not None:
            self._group.all_gather(output, input)
        self._operators.quiet = False


def _work(rank: int, degree: int, name: str, group: Any = None) -> tuple[int, Counter[tuple[Any, ...]], int, int]:
    """Return the arithmetic operations, operators, collectives and bytes of one member's forward pass."""
    model = CASES[name].build()
    operators = _Operators()
    watched = _Watched(degree, rank, operators, group)
    with SequenceParallel(model).over(watched, degree), torch.no_grad():
        with operators:
            predict(model, name, latents(name, 1), 1)
        with FlopCounterMode(display=False) as flops:
            predict(model, name, latents(name, 1), 1)
    assert flops.get_total_flops() > 0
    return flops.get_total_flops(), operators.seen, watched.calls, watched.sent


def real_work(member: Member, degree: int, name: str) -> tuple[int, Counter[tuple[Any, ...]], int, int]:
    """Return the work of a member of a real group of the first ``degree`` processes."""
    members = tuple(range(degree))
    return _work(member.rank, degree, name, member.groups.get("-".join(map(str, members)), members))


@pytest.mark.parametrize("degree", [2, 3, 4])
@pytest.mark.parametrize("name", CASES)
def test_emulated_share_is_a_members_share(squad: Squad, name: str, degree: int) -> None:
    """Tests that every member's operators, shapes, arithmetic, collectives and bytes are those that emulation runs."""
    for rank, real in enumerate(squad.call(range(degree), real_work, degree, name)):
        assert _work(rank, degree, name) == real


@pytest.mark.parametrize("name", CASES)
def test_first_member_has_the_most_to_do(name: str) -> None:
    """Tests that the share that is emulated is no smaller than any other, and smaller than the whole."""
    first, *others = (_work(rank, 4, name)[0] for rank in range(4))
    assert first >= max(others)
    assert first < _work(0, 1, name)[0]
