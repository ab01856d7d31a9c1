"""The paper's Algorithm 1: deadline-aware allocation, request packing, placement preservation, elastic scale-up."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter

from planner.allocation import DegreeMix, cheapest_mix
from planner.capacity import available_mask, steps_within
from planner.costs import ShapeCosts
from planner.job import Job
from planner.late import LateRule, check_late_rule, serve_late
from planner.packing import Item, pack
from planner.placement import Choice, place
from planner.plan import Assignment, Certificate, Plan
from planner.round import EPSILON, Round
from planner.timely import steps_in_time

_RUNS = 1e-3
"""Value of a survivor that runs over one that waits: among equally many survivors, more of them run."""
_PROGRESS = 1e-6
"""Value of a second of progress (steps at the fastest degree): it only decides between what is equal otherwise."""


@dataclass(frozen=True)
class GreedyDp:
    """TetriServe's greedy round (paper, sections 4.2 and 4.3); each stage can be switched off for its ablation.

    Parameters
    ----------
    allocation
        Offer each job the degrees of its cheapest mix that meets the deadline; otherwise every useful degree.
    preserve
        Keep jobs on their GPUs where possible.
    elastic
        Give idle GPUs to running jobs that gain: first to those on time, then to the late ones.
    waiting
        Whether a job that can afford to wait counts as a survivor when it waits, as in Algorithm 1. Without it (no
        variant of the paper's), the packing runs as many jobs as it can, small ones first.
    late
        What late jobs get (:mod:`planner.late`); ``idle`` is the paper's best effort.
    """

    allocation: bool = True
    preserve: bool = True
    elastic: bool = True
    waiting: bool = True
    late: LateRule = "idle"
    name: str = "dp"
    preemptive: bool = True

    def __post_init__(self) -> None:
        check_late_rule(self.late)

    def solve(self, round_: Round, budget: float) -> Plan:
        """Plan a round; takes well under a millisecond for tens of jobs, so ``budget`` is not looked at."""
        began = perf_counter()
        assignments = self.assignments(round_)
        return Plan(tuple(assignments), Certificate(self.name, solve_seconds=perf_counter() - began))

    def assignments(self, round_: Round) -> list[Assignment]:
        """Return the plan's assignments alone."""
        free = available_mask(round_)
        timely: list[Job] = []
        options: list[list[Choice]] = []
        items: list[list[Item]] = []
        late: list[Job] = []
        costs_of = round_.costs.of
        for job in round_.jobs:
            costs = costs_of(job.request.shape)
            start = job.ready if job.ready > round_.now else round_.now
            mix = cheapest_mix(costs, job.steps_left, job.due - start)
            if mix is None:
                late.append(job)
                continue
            choices = self._options(round_, job, costs, mix)
            timely.append(job)
            options.append(choices)
            values = _values(round_, job, costs, choices, self.waiting)
            items.append([Item(choice.degree, value) for choice, value in zip(choices, values, strict=True)])
        picked = pack(items, free.bit_count())
        chosen = [options[i][pick] for i, pick in enumerate(picked) if pick >= 0]
        placed = place(round_, chosen, free, self.preserve)
        return serve_late(
            round_, placed, late, free, self.late, bool(timely), elastic=self.elastic, preserve=self.preserve
        )

    def _options(self, round_: Round, job: Job, costs: ShapeCosts, mix: DegreeMix) -> list[Choice]:
        if not self.allocation:
            mix = tuple((degree, job.steps_left) for degree in costs.degrees)
        choices = []
        for degree, steps in mix:
            seconds = costs.step_time[degree]
            fitting = min(steps, steps_within(round_, seconds, job.steps_left))
            if fitting:
                fitting = steps_in_time(round_, job, seconds, fitting)
            if fitting:
                choices.append(Choice(job, degree, fitting))
        return choices


def _values(round_: Round, job: Job, costs: ShapeCosts, choices: list[Choice], waiting: bool) -> list[float]:
    """Per option: whether the job survives the round (less: whether it would by waiting), plus trifles for ties."""
    limit = job.due + EPSILON - round_.now - round_.cadence.tau
    waits = waiting and job.steps_left * costs.fastest <= limit
    values = []
    for choice in choices:
        left = job.steps_left - choice.steps
        survives = left == 0 or left * costs.fastest <= limit
        values.append(survives * (1.0 + _RUNS) - waits + _PROGRESS * choice.steps * costs.fastest)
    return values
