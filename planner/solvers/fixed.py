"""Baselines that never preempt: one fixed degree (xDiT), and one degree per resolution (RSSP); paper, section 6.1."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from planner.costs import Costs, ShapeCosts
from planner.errors import ParameterError, is_finite, whole
from planner.plan import Assignment, Plan, no_claim
from planner.round import Round
from planner.solvers.protocol import check_degree
from profiles.shape import Shape


@dataclass(frozen=True)
class Fixed:
    """Every request at one degree, first come first served, run to completion.

    Parameters
    ----------
    degree
        GPUs per request.
    """

    degree: int = 4
    preemptive: bool = False

    def __post_init__(self) -> None:
        whole("degree", self.degree)

    def check(self, costs: Costs, shapes: Collection[Shape]) -> None:
        """Raise ParameterError if the degree is not to be had."""
        check_degree("degree", self.degree, costs, shapes)

    @property
    def name(self) -> str:
        """``fixed`` with the degree."""
        return f"fixed-{self.degree}"

    def solve(self, round_: Round, budget: float) -> Plan:
        """Keep what runs, and start waiting jobs in order of arrival."""
        return Plan(tuple(_run_to_completion(round_, lambda costs, shape: self.degree)), no_claim(self.name))


@dataclass(frozen=True)
class Rssp:
    """Resolution-specific sequence parallelism: each resolution at its own degree, run to completion.

    The degree is the largest at which the parallel efficiency ``T(1) / (k T(k))`` is at least ``efficiency``. On
    FLUX.1-dev and H100 this gives the paper's 1, 1, 2, 8 for 256, 512, 1024, 2048. Jobs start in order of arrival; a
    job that finds no group lets later ones pass.

    Parameters
    ----------
    efficiency
        Least parallel efficiency.
    degrees
        Degrees that override the rule, by shape label.
    """

    efficiency: float = 0.8
    degrees: Mapping[str, int] = field(default_factory=dict)
    name: str = "rssp"
    preemptive: bool = False

    def __post_init__(self) -> None:
        if not (is_finite(self.efficiency) and self.efficiency > 0):
            raise ParameterError("efficiency", self.efficiency, "a positive number is needed")
        for label, degree in self.degrees.items():
            whole(f"degrees[{label!r}]", degree)

    def check(self, costs: Costs, shapes: Collection[Shape]) -> None:
        """Raise ParameterError if a given degree is not to be had."""
        for label, degree in self.degrees.items():
            check_degree(f"degrees.{label}", degree, costs, [Shape.parse(label)])

    def degree_of(self, costs: ShapeCosts, shape: Shape) -> int:
        """Return the degree of a shape."""
        given = self.degrees.get(shape.label)
        if given is not None:
            return given
        first = costs.degrees[0]
        price = first * costs.step_time[first] / self.efficiency
        return max(
            d for d, seconds in zip(costs.degrees, costs.seconds, strict=True) if d == first or d * seconds <= price
        )

    def solve(self, round_: Round, budget: float) -> Plan:
        """Keep what runs, and start waiting jobs in order of arrival where their group is free."""
        return Plan(tuple(_run_to_completion(round_, self.degree_of)), no_claim(self.name))


def _run_to_completion(round_: Round, degree_of: Callable[[ShapeCosts, Shape], int]) -> list[Assignment]:
    """Keep running segments going, and give waiting jobs, in order of arrival, the fastest free group of their degree."""
    assignments: list[Assignment] = []
    waiting = []
    used = sum(1 << gpu for gpu in round_.decoding)
    for job in round_.jobs:
        if job.running and job.group is not None:
            assignments.append(Assignment((job.request.id,), job.group, job.steps_left))
            used |= job.group.mask
        else:
            waiting.append(job)
    cluster = round_.cluster
    for job in waiting:
        if used == cluster.full_mask:
            break
        costs = round_.costs.of(job.request.shape)
        free = [
            g
            for g in cluster.groups(degree_of(costs, job.request.shape))
            if not g.mask & used and g.mask in costs.by_mask
        ]
        if free:
            group = free[0] if cluster.uniform else min(free, key=lambda group: costs.by_mask[group.mask])
            assignments.append(Assignment((job.request.id,), group, job.steps_left))
            used |= group.mask
    return assignments
