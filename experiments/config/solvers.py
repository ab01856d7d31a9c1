"""Who plans."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

_ROUNDS = [{"override /cadence@_global_.cadence": "rounds"}]


@dataclass
class SolverConfig:
    """What every solver has: ``budget_ms``, the time of a processor for one decision, the program's making included.

    It is turned into counts of nodes, iterations and program entries (:mod:`planner.effort`): equal on every machine. A
    program that does not fit is not made: prices decide in its place, or the greedy plan stands, and the certificate says so.
    """

    kind: str = MISSING
    budget_ms: float = 10.0


@dataclass
class CpSatConfig(SolverConfig):
    """OR-Tools CP-SAT; continuous programs are put on a fine grid of whole numbers."""

    kind: str = "cpsat"
    deterministic: bool = True
    workers: int = 1


@dataclass
class MilpConfig(SolverConfig):
    """A mixed integer solver: ``highs`` (its own interface), or ``scip`` (inside OR-Tools)."""


@dataclass
class PulpConfig(SolverConfig):
    """A mixed integer solver through PuLP: ``cbc`` or ``highs``. Starting CBC takes 10 to 20 milliseconds."""

    kind: str = "pulp"
    solver: str = "cbc"
    budget_ms: float = 1000.0


@dataclass
class DpConfig(SolverConfig):
    """The paper's greedy dynamic program; its stages can be switched off one by one."""

    defaults: list[Any] = field(default_factory=lambda: list(_ROUNDS))
    kind: str = "dp"
    allocation: bool = True
    preserve: bool = True
    elastic: bool = True
    waiting: bool = True
    late: str = "idle"


@dataclass
class FixedConfig(SolverConfig):
    """One degree for all, first come first served, run to completion (xDiT)."""

    kind: str = "fixed"
    degree: int = 4


@dataclass
class RsspConfig(SolverConfig):
    """One degree per resolution, run to completion: the largest with the given parallel efficiency, or the given ones."""

    kind: str = "rssp"
    efficiency: float = 0.8
    degrees: dict[str, int] = field(default_factory=dict)


@dataclass
class EdfConfig(SolverConfig):
    """Earliest deadline first, at the cheapest degree that makes it, preemptive."""

    kind: str = "edf"
    elastic: bool = True
    admission: bool = False
    late: str = "idle"


@dataclass
class SrtfConfig(SolverConfig):
    """Shortest remaining time first at one degree (the most GPUs, up to 8), preemptive at chunk boundaries."""

    kind: str = "srtf"
    degree: int | None = None
    chunk: int = 5
    elastic: bool = False
    admission: bool = False
    late: str = "idle"


@dataclass
class MooreConfig(SolverConfig):
    """Moore and Hodgson's rule: the most weight per GPU-second that a list schedule serves in time, without a solver."""

    kind: str = "moore"
    late: str = "brief"
