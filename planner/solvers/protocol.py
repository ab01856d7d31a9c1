"""What a solver is: it turns a round into a plan."""

from __future__ import annotations

from typing import Protocol

from planner.plan import Plan
from planner.round import Round


class Solver(Protocol):
    """Anything with a name that solves rounds. There is no base class and no registry.

    A solver keeps no memory between rounds: the same round and budget give the same plan.
    """

    @property
    def name(self) -> str:
        """For tables and certificates."""
        ...

    @property
    def preemptive(self) -> bool:
        """Whether it may stop a running segment; if not, it is not asked while every GPU is taken."""
        ...

    def solve(self, round_: Round, budget: float) -> Plan:
        """Return a legal plan within ``budget`` seconds."""
        ...
