"""What requests have lately asked for, as a share of what the cluster has: the one thing that a planner remembers.

A round shows who is there. Whether more will come than can be served, it does not: a burst and overload look alike. So each
request that comes adds the GPU-seconds with which it could be on time, and what was added fades.
"""

from __future__ import annotations

import math

MEMORY = 10.0
"""Over how long it fades, in mean times from arrival to deadline."""
_SOON = 0.25
"""Share of that time that a run must have lasted at least to count as such."""


class Demand:
    """A fading sum.

    Parameters
    ----------
    gpus
        Of the cluster.
    """

    def __init__(self, gpus: int) -> None:
        self._gpus = gpus
        self._sum = 0.0
        self._at = 0.0
        self._first = math.inf
        self._spans = 0.0
        self._count = 0

    def add(self, now: float, gpu_seconds: float, span: float) -> None:
        """Take in a request that comes now, with the seconds that it has until its deadline."""
        self._first = min(self._first, now)
        self._spans += max(span, 0.0)
        self._count += 1
        self._sum = self._faded(now, self._memory) + gpu_seconds
        self._at = now

    def at(self, now: float) -> float:
        """Return GPU-seconds asked for per GPU-second; 0 before the first request."""
        if not self._count or not self._spans:
            return 0.0
        memory = self._memory
        seen = max(now - self._first, _SOON * memory)
        return self._faded(now, memory) / (self._gpus * memory * -math.expm1(-seen / memory))

    @property
    def _memory(self) -> float:
        return MEMORY * self._spans / self._count

    def _faded(self, now: float, memory: float) -> float:
        return self._sum * math.exp(-(now - self._at) / memory) if self._spans else self._sum
