"""What a solver is: it turns a round into a plan."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol, runtime_checkable

from planner.costs import Costs
from planner.errors import ParameterError
from planner.plan import Plan
from planner.round import Round
from profiles.shape import Shape


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


@runtime_checkable
class Demanding(Protocol):
    """A solver that cannot plan everywhere: it says so before a run."""

    def check(self, costs: Costs, shapes: Collection[Shape]) -> None:
        """Raise ValueError if it cannot plan for some shape on the cluster and the profile of these costs.

        A ParameterError names the parameter that is at fault; an ObjectiveError the objective.
        """
        ...


@runtime_checkable
class Bounding(Protocol):
    """A solver that can bound what any plan of a round is worth, without making one."""

    def bound(self, round_: Round, reached: float, budget: float) -> float | None:
        """Return a bound within ``budget`` seconds, or None.

        Parameters
        ----------
        round_
            The instance.
        reached
            Value of a plan: where that is all that there is to be had, there is no more to prove.
        budget
            Seconds of the processor.
        """
        ...


def check_degree(name: str, degree: int, costs: Costs, shapes: Collection[Shape]) -> None:
    """Raise ParameterError if a degree is none of the cluster's, or unknown to the profile for some shape."""
    cluster, profile = costs.cluster, costs.profile
    if degree not in cluster.degrees:
        degrees = ", ".join(map(str, cluster.degrees))
        raise ParameterError(name, degree, f"cluster {cluster.name} has {cluster.gpus} GPUs and groups of {degrees}")
    for shape in shapes:
        known = costs.of(shape).step_time
        if degree not in known:
            degrees = ", ".join(map(str, known))
            raise ParameterError(
                name,
                degree,
                f"profile {profile.name} has {shape.label} on cluster {cluster.name} at degrees {degrees} only",
            )
