"""What a plan is worth in a program, whoever made it, beside the best that any plan can be worth.

In the *assignment* program, a plan is worth what the program says of the options (job, GPUs) that it picks. In the
*lookahead* program, it is worth the jobs that it has finished on time when the next decision is due
(:mod:`planner.follow_up`), and the optimum of the program of what is then left. So a rule's plan and an optimal one are
measured on one scale, which is that of the program's optimum before the plan. The program of what is left has fewer points in
time; where its relaxation is weaker for that (numbers of GPUs that no degree above 1 divides) or where weights differ by less
than a tie-break, a plan can measure above the optimum, and counts as optimal.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from planner.backends.highs import HighsBackend
from planner.capacity import available_mask
from planner.errors import ParameterError
from planner.follow_up import Carried, follow_up, to_the_end
from planner.objectives.protocol import Objective
from planner.outcomes import Floats
from planner.plan import Assignment
from planner.programs.assignment import AssignmentProgram
from planner.programs.linear import LinearProgram
from planner.programs.lookahead import Lookahead
from planner.programs.lookahead_model import LookaheadModel
from planner.programs.worth import Worth, worth_of
from planner.round import EPSILON, Round
from planner.solvers.protocol import Solver

PROOF = 5.0
"""Seconds of the processor, as counts, that a proof may take."""
TOLERANCE = 1e-6
"""By how much two worths may differ and still be equal, relative to the larger one if that exceeds 1."""


class Yardstick(Protocol):
    """Measures plans for one round by one program and one objective."""

    program: str
    """Its name."""
    rivals: int
    """Live requests that can be on time if they are alone."""
    nothing: float
    """What it is worth to begin nothing at all."""
    everybody: float
    """What it would be worth if every job had what is best for it, as if it were alone."""
    optimum: float
    """The most that a point of the program is worth."""
    proven: bool
    """Whether the optimum is proven."""

    def worth(self, assignments: Sequence[Assignment]) -> float:
        """Return what a legal plan is worth."""
        ...

    def alone(self, assignments: Sequence[Assignment], solver: Solver, budget: float) -> float | None:
        """Return what it is worth if the solver makes all later decisions, too; None if the program ends before them."""
        ...


def has_choice(stick: Yardstick) -> bool:
    """Whether it matters what is decided: two requests can be on time, and beginning nothing is worth less than the best."""
    return stick.rivals > 1 and stick.nothing < stick.optimum - _slack(stick)


def has_conflict(stick: Yardstick) -> bool:
    """Whether, with a choice, somebody must lose whatever is decided: the optimum is less than what serves everybody."""
    return has_choice(stick) and stick.optimum < stick.everybody - _slack(stick)


def _slack(stick: Yardstick) -> float:
    return TOLERANCE * max(1.0, abs(stick.everybody))


def yardstick(round_: Round, program: AssignmentProgram | Lookahead, objective: Objective) -> Yardstick:
    """Return the yardstick of a round, a program and an objective.

    Raises
    ------
    ObjectiveError
        If the program cannot express the objective.
    ValueError
        If the objective has a least share, since what single jobs are worth does not add up to it; or if the program has
        batches.
    """
    if isinstance(program, Lookahead):
        return _ByLookahead(round_, program, objective)
    return _ByAssignment(round_, program, objective)


class _ByAssignment:
    """The one-round program; worths count from nothing, so jobs that survive a round of waiting are in all of them."""

    program = "assignment"

    def __init__(self, round_: Round, program: AssignmentProgram, objective: Objective) -> None:
        if program.batching:
            raise ParameterError("batching", True, "plans are measured by the options of single jobs: use False")
        self._round, self._program, self._objective = round_, program, objective
        model = program.model(round_, objective, ())
        best: dict[int, float] = {}
        for option, gain in zip(model.options, model.linear.rewards.tolist(), strict=False):
            best[option.job] = max(best.get(option.job, 0.0), gain)
        if model.linear.size > len(model.options):
            raise ValueError("a least share has no yardstick: what single jobs are worth does not add up to it")
        self.rivals = sum(not round_.hopeless(job) for job in round_.jobs)
        self.nothing = model.constant
        self.everybody = self.nothing + sum(best.values())
        x, self.proven = _solved(model.linear) if self.everybody > self.nothing else (np.zeros(model.linear.size), True)
        self.optimum = self.nothing + model.linear.value(x)
        self._known: dict[tuple[Assignment, ...], float] = {}

    def worth(self, assignments: Sequence[Assignment]) -> float:
        """Return the reward of the options that a plan picks; what begins only after the round is none of it.

        Raises
        ------
        ValueError
            If the plan has a batch.
        """
        key = tuple(assignments)
        if key not in self._known:
            if any(len(assignment.jobs) > 1 for assignment in key):
                raise ValueError("the plan runs a batch; plans are measured by the options of single jobs")
            within = [assignment for assignment in key if not assignment.group.mask & ~available_mask(self._round)]
            linear = self._program.model(self._round, self._objective, within).linear
            self._known[key] = self.nothing + linear.value(linear.start)
        return self._known[key]

    def alone(self, assignments: Sequence[Assignment], solver: Solver, budget: float) -> None:
        """Return None: the program knows one round."""


class _ByLookahead:
    """The program over the whole backlog; what a job is worth is settled once, before the plan."""

    program = "lookahead"

    def __init__(self, round_: Round, program: Lookahead, objective: Objective) -> None:
        self._round = round_
        self._settings = replace(program, detail=2**31)
        timely = [job for job in round_.jobs if not round_.hopeless(job)]
        worth = worth_of(round_, timely, objective)
        if worth.classes is not None:
            raise ValueError("a least share has no yardstick: what single jobs are worth does not add up to it")
        self._price: float = worth.price
        self._weight: dict[int, float] = {
            job.id: weight for job, weight in zip(timely, worth.weights.tolist(), strict=True)
        }
        self._due = {job.id: job.due for job in timely}
        self.rivals = len(timely)
        self.proven = True
        self.nothing = -self._least_price(round_)
        self.everybody = sum(self._weight.values()) + self.nothing
        self.optimum = self._optimum(round_)
        self._known: dict[tuple[Assignment, ...], float] = {}

    def worth(self, assignments: Sequence[Assignment]) -> float:
        """Return what a plan has finished in time by the next decision, and the optimum of what is then left."""
        key = tuple(assignments)
        if key not in self._known:
            after = follow_up(self._round, key)
            earned = self._earned(after.done) - self._price * self._spent(after.carried)
            self._known[key] = earned + self._optimum(after.round_)
        return self._known[key]

    def alone(self, assignments: Sequence[Assignment], solver: Solver, budget: float) -> float:
        """Return what is finished in time if the solver goes on by itself, without new arrivals.

        Jobs that it gives up are delivered in the end, too, on the least GPU-seconds of what is left of them.
        """
        done, carried = to_the_end(self._round, assignments, solver, budget)
        left = {job.id: job.steps_left for job in self._round.jobs if job.id in self._weight}
        for part in carried:
            for id_ in part.assignment.jobs:
                if id_ in left:
                    left[id_] -= part.assignment.steps
        costs_of = self._round.costs.of
        rest = math.fsum(left.get(job.id, 0) * costs_of(job.request.shape).cheapest for job in self._round.jobs)
        return self._earned(done) - self._price * (self._spent(carried) + rest)

    def _spent(self, carried: Sequence[Carried]) -> float:
        """Return the GPU-seconds of steps of jobs that could be on time before the plan; nobody else's are in the program."""
        return math.fsum(
            part.gpu_seconds / len(part.assignment.jobs) * sum(id_ in self._weight for id_ in part.assignment.jobs)
            for part in carried
        )

    def _earned(self, done: Mapping[int, float]) -> float:
        """Return what jobs that ended at these times are worth."""
        return sum(self._weight[id_] for id_, at in done.items() if at <= self._due.get(id_, -math.inf) + EPSILON)

    def _optimum(self, round_: Round) -> float:
        """Return the optimum of the program without its tie-break; the weights are those before the plan.

        Jobs that are given up are delivered, too, and cost their least GPU-seconds.
        """
        timely = tuple(job for job in round_.jobs if job.id in self._weight and not round_.hopeless(job))
        weights = np.array([self._weight[job.id] for job in timely])
        if not timely:
            return -self._least_price(round_)
        worth = Worth(weights, self._price)
        model = LookaheadModel(round_, timely, worth, self._settings)
        settled = model.settled()
        if settled is not None and settled.bound is not None:
            return settled.bound
        x, proven = _solved(model.linear)
        self.proven = self.proven and proven
        plain = LookaheadModel(round_, timely, worth, replace(self._settings, tie_break=0.0)).intervals.linear.rewards
        return float(plain @ x) - self._least_price(round_)

    def _least_price(self, round_: Round) -> float:
        """Price of the least GPU-seconds of all jobs that could be on time before the plan."""
        return self._price * sum(round_.least_gpu_seconds(job) for job in round_.jobs if job.id in self._weight)


def _solved(linear: LinearProgram) -> tuple[Floats, bool]:
    """Return the best point found, the start if there is none better, and whether it is proven optimal."""
    if not linear.size:
        return linear.start, True
    answer = HighsBackend().solve(linear, PROOF)
    if answer.x is None:
        return linear.start, False
    return answer.x, answer.status == "optimal"
