"""From the jobs that a lookahead program serves to a plan: degrees get groups, idle GPUs are filled, late jobs served.

Each addition stays only where the schedule that begins with the plan (:mod:`planner.programs.continuation`) is worth no
less with it; in a large backlog, where that would take too long to ask, all of them do. With a price per GPU-second
nothing is widened beyond what the deadlines ask for, and late jobs get their least GPU-seconds.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from planner.capacity import available_mask, segment_steps
from planner.idle import mask_of, start_waiting
from planner.job import Job
from planner.late import LateRule, serve_late
from planner.placement import Choice, place
from planner.plan import Assignment
from planner.programs.continuation import continue_plan, large, largest
from planner.programs.intervals import Task
from planner.programs.linear import Settled
from planner.programs.worth import Worth
from planner.refill import refill
from planner.round import Round
from planner.timely import timely_and_late

_SAME = 1e-9
_ROUNDING = 1e-6
"""By so much, relative to it, solvers round the bound that a plan may reach."""


@dataclass(frozen=True)
class CarryOut:
    """Makes plans of one round, and says what they are worth.

    Parameters
    ----------
    round_
        The instance.
    timely, tasks
        Jobs that can be on time alone, and the task of each.
    worth
        What they are worth.
    late
        What late jobs get.
    budget
        Seconds of the processor for judging: the less there are, the sooner a backlog is large.
    compares
        Whether additions to a plan are asked for.
    """

    round_: Round
    timely: Sequence[Job]
    tasks: Sequence[Task]
    worth: Worth
    late: LateRule
    budget: float = math.inf
    compares: bool = True

    def plan(self, served: Sequence[int], pieces: Sequence[tuple[int, int, int]], bound: float) -> Settled:
        """Return the best plan that runs pieces.

        Parameters
        ----------
        served
            Positions of the tasks to serve.
        pieces
            (task, degree, steps) of what runs at once.
        bound
            On the value.
        """
        round_, free, taken = self.round_, available_mask(self.round_), set(served)
        choices = []
        for i, degree, steps in pieces:
            seconds = self.tasks[i].seconds[self.tasks[i].degrees.index(degree)]
            fitting = segment_steps(round_, seconds, steps)
            if fitting:
                choices.append(Choice(self.timely[i], degree, fitting))
        placed = place(round_, choices, free)
        running = {id_ for assignment in placed for id_ in assignment.jobs}
        waiting = [job for i, job in enumerate(self.timely) if job.request.id not in running and i in taken]
        others = [job for i, job in enumerate(self.timely) if job.request.id not in running and i not in taken]
        chosen = [*placed, *start_waiting(round_, waiting, free & ~mask_of(placed))]
        filled = [*chosen, *start_waiting(round_, others, free & ~mask_of(chosen))]
        best = self._made(self._with_late(filled, free), bound, taken)
        enough = min(bound, self._reward(taken)) if not self.worth.price else bound
        coarse = not self.compares or large(round_, len(self.tasks), largest(self.budget))
        for fewer in (None, filled, chosen, placed):
            if coarse or best.value >= enough - _SAME * self.unit:
                break
            other = self._made(self._with_late(chosen, free) if fewer is None else fewer, bound, taken)
            if other.value > best.value + _SAME * self.unit:
                best = other
        thrifty = taken if self.worth.price else range(len(self.timely))
        return best._replace(then=refill(round_, best.plan, [self.timely[i] for i in thrifty]))

    def completed(self, placed: Sequence[Assignment], bound: float) -> Settled:
        """Return a plan made elsewhere, with late jobs on what it leaves, and its value if it serves what it can."""
        plan = self._with_late(placed, available_mask(self.round_))
        return self.judged(plan, bound, range(len(self.timely)))

    def _made(self, assignments: Sequence[Assignment], bound: float, served: set[int]) -> Settled:
        """Return a plan made here: it may also serve in time what it runs beside the jobs to serve."""
        running = {id_ for assignment in assignments for id_ in assignment.jobs}
        beside = {i for i, job in enumerate(self.timely) if job.request.id in running}
        return self.judged(assignments, bound, served | beside)

    def judged(
        self,
        assignments: Sequence[Assignment],
        bound: float | None,
        wanted: Collection[int],
        coarse: bool | None = None,
    ) -> Settled:
        """Return assignments with the value of the schedule that begins with them and serves what it can of ``wanted``.

        Whether that is a coarse one is decided by how many are wanted, where it is not said.
        """
        ids = [job.request.id for job in self.timely]
        priced = self.worth.price > 0
        if coarse is None:
            coarse = large(self.round_, len(wanted), largest(self.budget))
        schedule = continue_plan(self.round_, self.tasks, ids, assignments, wanted, priced, coarse)
        value = self._reward(schedule.promised)
        if self.worth.price:
            value -= self.worth.price * schedule.gpu_seconds
        if bound is not None and bound < value <= bound + _ROUNDING * max(1.0, abs(value)):
            bound = value
        promised = tuple(ids[i] for i in schedule.promised)
        made_of = tuple(ids[i] for i in sorted(wanted)) if coarse else None
        return Settled(list(assignments), value, bound, unit=self.unit, promised=promised, made_of=made_of)

    @cached_property
    def unit(self) -> float:
        """The least reward of a job, or 1 where none has any."""
        return min((weight for weight in self._weights if weight > 0), default=1.0)

    @cached_property
    def _weights(self) -> list[float]:
        weights: list[float] = self.worth.weights.tolist()
        return weights

    @cached_property
    def least_cost(self) -> float:
        """Return the price of delivering every live job on its least GPU-seconds."""
        if not self.worth.price:
            return 0.0
        return self.worth.price * math.fsum(self.round_.least_gpu_seconds(job) for job in self.round_.jobs)

    def _reward(self, served: Collection[int]) -> float:
        """Reward of jobs on time, with what their least share is worth."""
        weights = self._weights
        reward = math.fsum(weights[i] for i in served)
        classes = self.worth.classes
        if classes is not None and len(classes):
            taken = np.isin(np.arange(len(classes)), list(served))
            reward += self.worth.share * min(float(taken[classes == name].mean()) for name in np.unique(classes))
        return reward

    def _with_late(self, placed: Sequence[Assignment], free: int) -> list[Assignment]:
        thrifty = self.worth.price > 0
        timely = bool(self.timely)
        return serve_late(self.round_, list(placed), self._hopeless, free, self.late, timely=timely, thrifty=thrifty)

    @cached_property
    def _hopeless(self) -> list[Job]:
        return timely_and_late(self.round_)[1]
