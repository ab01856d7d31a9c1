"""A stand-in for a group that counts what a member would send."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from executor.sequence.communicator import Loopback, Pending


class CountingLoopback(Loopback):
    """See `executor.sequence.communicator.Loopback`.

    Parameters
    ----------
    degree, rank
        See there.
    """

    def __init__(self, degree: int, rank: int = 0) -> None:
        super().__init__(degree, rank)
        self.calls = 0
        self.sent = 0

    def all_to_all(
        self, output: Tensor, input: Tensor, output_sizes: Sequence[int], input_sizes: Sequence[int]
    ) -> None:
        """Count all but what stays here."""
        self._count(input, (sum(input_sizes) - input_sizes[self.rank]) / max(1, sum(input_sizes)))
        super().all_to_all(output, input, output_sizes, input_sizes)

    def all_gather(self, output: Tensor, input: Tensor) -> None:
        """Count what every other member gets."""
        self._count(input, self.degree - 1)
        super().all_gather(output, input)

    def shift(self, output: Tensor, input: Tensor, to: int, source: int) -> Pending:
        """Count what goes to the neighbour."""
        self._count(input, 1)
        return super().shift(output, input, to, source)

    def _count(self, tensor: Tensor, share: float) -> None:
        self.calls += 1
        self.sent += round(tensor.numel() * tensor.element_size() * share)
