"""How requests are served: who plans, when, on what, and what it costs to plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from executor.physics import Decode, check_decode
from planner.cluster import Cluster
from planner.errors import ParameterError, is_finite
from planner.promise import Admission
from planner.round import Cadence
from planner.solvers.protocol import Solver
from profiles.profile import Profile


@dataclass(frozen=True, slots=True)
class PlannerLatency:
    """How long a plan takes to come into force.

    Parameters
    ----------
    kind
        ``zero``: at once. ``fixed``: after ``seconds``. ``measured``: after the wall-clock time of the solver's call;
        then two runs are no longer equal to the byte.
    seconds
        For ``fixed``.
    """

    kind: Literal["zero", "fixed", "measured"] = "zero"
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in ("zero", "fixed", "measured"):
            raise ParameterError("kind", self.kind, "use 'zero', 'fixed' or 'measured'")
        if not (is_finite(self.seconds) and self.seconds >= 0):
            raise ParameterError("seconds", self.seconds, "a number of at least 0 is needed")

    def of(self, elapsed: float) -> float:
        """Return the latency to charge for a call that took ``elapsed`` seconds."""
        if self.kind == "zero":
            return 0.0
        return self.seconds if self.kind == "fixed" else elapsed


@dataclass(frozen=True)
class Service:
    """How requests are served: everything but the requests and the engine.

    Parameters
    ----------
    cluster
        The GPUs.
    profile
        Step times as the planner believes them.
    solver
        Who plans.
    cadence
        When.
    budget
        Seconds that a solver may take for one plan.
    late
        ``best_effort``: requests past hope stay, and run on GPUs that nobody else needs. ``drop``: they are given up.
    latency
        The planner's own latency.
    stages
        Whether encoding and decoding count.
    admission
        Makes what decides what a request is told when it arrives, anew for every run; None promises nothing, and takes all.
    regroup_seconds
        What a plan believes that a job loses by going on on other GPUs.
    decode
        Who decodes; with ``group``, plans count the time of a GPU that each image takes.
    """

    cluster: Cluster
    profile: Profile
    solver: Solver
    cadence: Cadence
    budget: float = 0.010
    late: Literal["best_effort", "drop"] = "best_effort"
    latency: PlannerLatency = PlannerLatency()
    stages: bool = False
    admission: Callable[[], Admission] | None = None
    regroup_seconds: float = 0.0
    decode: Decode = "workers"

    def __post_init__(self) -> None:
        if self.late not in ("best_effort", "drop"):
            raise ParameterError("late", self.late, "use 'best_effort' or 'drop'")
        check_decode(self.decode)
        if not (is_finite(self.budget) and self.budget > 0):
            raise ParameterError("budget", self.budget, "a positive number of seconds is needed")
        if not (is_finite(self.regroup_seconds) and self.regroup_seconds >= 0):
            raise ParameterError("regroup_seconds", self.regroup_seconds, "a number of at least 0 is needed")
