"""The lookahead program of one round: what is solved, and how its answer becomes a plan."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from planner.admission import admit
from planner.job import Job
from planner.outcomes import Floats
from planner.plan import Assignment
from planner.portfolio import MOST, best_plan, crowded
from planner.programs.carry_out import CarryOut
from planner.programs.concurrency import levels, with_levels
from planner.programs.first_degrees import first_degrees
from planner.programs.floor import Class, with_floor
from planner.programs.giving_up import to_give_up
from planner.programs.images import with_images
from planner.programs.intervals import Intervals, Task, interval_program
from planner.programs.linear import LinearProgram, Settled
from planner.programs.lists import ListSchedule, Phase, allot, list_schedule, tasks_of
from planner.programs.market import Market
from planner.programs.starts import TINY, Starts
from planner.programs.supply import Supply, gpu_seconds_of, supply_of
from planner.programs.worth import Worth
from planner.round import Round
from planner.sweep import admit_swept

if TYPE_CHECKING:
    from planner.programs.lookahead import Lookahead

_PRICES, _ADMISSION = 0.3, 0.2
"""Shares of the budget where no program is solved: for prices, and for the list schedules of an admission."""
_BOUND_BESIDE, _ADMISSION_BESIDE = 0.15, 0.5
"""The same where the plan does not follow from the prices, which then bound its value."""
_JUDGING = 0.25
"""Share of the budget for judging plans there."""
_MANY, _PER_GPU = 10_000, 1.2
"""Jobs times those that can run at a time, and jobs for each GPU, above which a sweep admits, rather than list schedules."""


class LookaheadModel:
    """The program of one round.

    With a price per GPU-second, a job that is given up still costs its least GPU-seconds, so that being on time is worth
    its reward and these: a price never makes a job late that costs no more on time.
    """

    def __init__(self, round_: Round, timely: tuple[Job, ...], worth: Worth, settings: Lookahead) -> None:
        self._round = round_
        self._worth = worth
        self._settings = settings
        self._gpus = round_.cluster.gpus
        spared = [worth.price * round_.least_gpu_seconds(job) for job in timely]
        weights = (worth.weights + np.array(spared)).tolist()
        self.tasks = tuple(tasks_of(round_, timely, weights))
        """One per job that can still be on time alone."""
        self._out = CarryOut(round_, timely, self.tasks, worth, settings.late, compares=not self._beside)

    @cached_property
    def _everything(self) -> ListSchedule:
        return self._list(self.tasks)

    def _list(self, tasks: Sequence[Task], widen: bool = True) -> ListSchedule:
        return list_schedule(tasks, self._round.now, self._gpus, widen, self._round.images_until)

    @cached_property
    def _supply(self) -> Supply:
        return supply_of(self._round, self.tasks, self._settings.concurrency)

    @property
    def _tie_break(self) -> float:
        """Price per GPU-second among equals."""
        return self._settings.tie_break * min(1.0, self._out.unit)

    @cached_property
    def intervals(self) -> Intervals:
        """The program, without its start."""
        now = self._round.now
        points = np.unique(np.array([now, *(task.due for task in self.tasks)]))
        gpu_seconds = gpu_seconds_of(self._round, points)
        price = self._worth.price + self._tie_break
        program = interval_program(self.tasks, points, gpu_seconds, np.full(len(gpu_seconds), price))
        program = with_images(program, self.tasks, points)
        if not self._settings.concurrency:
            return program
        cluster = self._round.cluster
        sizes = levels(cluster.gpus, cluster.degrees, points, self._round.free_at)
        return with_levels(program, len(self.tasks), sizes)

    @cached_property
    def _starts(self) -> Starts:
        return Starts(self.intervals, self.tasks, self._round.now, self._gpus, self._round.images_until)

    @cached_property
    def linear(self) -> LinearProgram:
        """The arrays; the start is a list schedule of the jobs that one finishes in time.

        With a least share, its variable is the last one.
        """
        linear = replace(self.intervals.linear, start=self._starts.longest(self._everything))
        classes = self._worth.classes
        if classes is None:
            return linear
        members = [np.flatnonzero(classes == name).tolist() for name in np.unique(classes)]
        kinds = [Class(len(jobs), 0, tuple(jobs), (1.0,) * len(jobs)) for jobs in members]
        return with_floor(linear, kinds, self._worth.share, whole=False)

    def settled(self, budget: float = math.inf) -> Settled | None:
        """Return the plan where it needs no solver.

        That is where no job can be on time, where a list schedule is in time for every job, where bounds say which one is
        given up, or where there are so many jobs that prices decide.
        """
        if not self.tasks:
            return self._by_list([], ListSchedule([], []), self._most)
        if self._worth.price:
            return None
        if len(self.tasks) > self._detail and self._worth.classes is None:
            return self._by_prices(budget)
        if self._everything.late(self.tasks):
            return self._all_but_one()
        if max(self._round.free_at) > self._round.now:
            supply = self._supply
            if supply.excess(supply.of(self.tasks, self._everything)) > TINY:
                return None
        return self._by_list(range(len(self.tasks)), self._everything, self._most)

    def _all_but_one(self) -> Settled | None:
        """Return the plan that gives one job up, where bounds say which (:mod:`planner.programs.giving_up`)."""
        alike = (self._worth.weights == self._out.unit).all()
        if self._beside or not (self._plain and self._settings.concurrency and alike):
            return None
        gone = to_give_up(self.tasks, self._supply, self._gpus)
        if gone is None:
            return None
        served = [i for i in range(len(self.tasks)) if i != gone]
        tasks = [self.tasks[i] for i in served]
        schedule = self._list(tasks)
        return None if schedule.late(tasks) else self._by_list(served, schedule, self._out.unit * len(served))

    def rough(self, budget: float) -> Settled | None:
        """Return a plan without the program: as it is settled where that takes no program, else by prices."""
        if not self.tasks or (self._plain and len(self.tasks) > self._detail):
            return self.settled(budget)
        idle = max(self._round.free_at) <= self._round.now
        if not self._worth.price and idle and not self._everything.late(self.tasks):
            return self.settled(budget)
        return self._by_prices(budget)._replace(rough=True)

    def carry_out(self, x: Floats, bound: float | None) -> Settled:
        """Serve the jobs that the program serves: by their list schedule or by its durations (see above)."""
        limit = self._most if bound is None else self._bound(bound)
        served = [i for i in range(len(self.tasks)) if x[i] > 0.5]
        tasks = [self.tasks[i] for i in served]
        schedule = self._list(tasks, widen=not self._worth.price)
        everybody = len(served) == len(self.tasks)
        if not schedule.late(tasks) and (everybody or not self._beside):
            return self._by_list(served, schedule, limit)
        if self._beside and not everybody:
            return self._carried_out(limit)
        durations = self._out.plan(served, self._starts.first_pieces(served, x), limit)
        return self._carried_out(limit, durations) if self._beside else durations

    def judged(
        self,
        assignments: Sequence[Assignment],
        bound: float | None,
        promised: Sequence[int] | None = None,
        made_of: Sequence[int] | None = None,
    ) -> Settled:
        """Return assignments with the value of a schedule that begins with them.

        It serves the promised requests, or what a coarse one can of those that it is made of; where neither are named, all
        that can be on time as far as it gets.
        """
        limit = None if bound is None else self._bound(bound)
        ids = [job.request.id for job in self._out.timely]
        named = promised if made_of is None else made_of
        chosen = set(ids if named is None else named)
        wanted = [i for i, id_ in enumerate(ids) if id_ in chosen]
        return self._out.judged(assignments, limit, wanted, None if named is None else made_of is not None)

    def _by_list(self, served: Sequence[int], schedule: ListSchedule, bound: float) -> Settled:
        first: Mapping[int, int] = schedule.phases[0].degrees if schedule.phases else {}
        if self._beside:
            jobs = [self._out.timely[i] for i in served]
            first = first_degrees(self._round, jobs, [self.tasks[i] for i in served], first)
        pieces = [(served[at], degree, self.tasks[served[at]].steps) for at, degree in first.items()]
        return self._out.plan(served, pieces, bound)

    @property
    def _most(self) -> float:
        """Value if all jobs were on time on their least GPU-seconds."""
        share = 0.0 if self._worth.classes is None else self._worth.share
        return float(self._worth.weights.sum()) + share - self._out.least_cost

    def _bound(self, bound: float) -> float:
        """Return a bound on the value from one on the program, which has a tie-break and no cost of jobs given up."""
        tasks = self.tasks
        most = math.fsum(t.steps * max(d * s for d, s in zip(t.degrees, t.seconds, strict=True)) for t in tasks)
        if tasks:
            horizon = np.array([self._round.now, max(task.due for task in tasks)])
            most = min(most, float(gpu_seconds_of(self._round, horizon).sum()))
        bound = min(bound + self._tie_break * most - self._out.least_cost, self._most)
        weights, unit = self._worth.weights, self._out.unit
        if not self._worth.price and self._worth.classes is None and (weights == unit).all():
            bound = unit * math.floor(bound / unit + 1e-6)
        return bound

    def _by_prices(self, budget: float = math.inf) -> Settled:
        """Choose whom to serve by prices on a coarse grid; what runs now follows by deadline, as in a list schedule.

        A price per GPU-second is left to that: a job on time is worth its reward at most, for on its least GPU-seconds it
        costs what it costs when it is given up. A least share adds at most all of it to the bound.
        """
        self._out = replace(self._out, budget=_JUDGING * budget)
        now = self._round.now
        if not self._market.positions:
            return self._by_list([], ListSchedule([], []), self._most)
        if self._beside:
            plan = self._carried_out(self._most, budget=_ADMISSION_BESIDE * budget)
            bound = self.bound(plan.value, _BOUND_BESIDE * budget)
            return plan._replace(bound=None if bound is None else max(bound, plan.value))
        chosen, most = self._market.serve(_PRICES * budget)
        bound = most + (0.0 if self._worth.classes is None else self._worth.share) - self._out.least_cost
        tasks = [self.tasks[i] for i in chosen]
        order = sorted(range(len(tasks)), key=lambda at: (tasks[at].due, at))
        left = [float(task.steps) for task in tasks]
        gpus = self._gpus - len(self._round.decoding)
        degrees = allot(tasks, left, order, now, gpus, widen=not self._worth.price)
        own = self._by_list(chosen, ListSchedule([Phase(now, now, degrees)], []), bound)
        if not self._plain:
            return own
        return max(self._admitted(bound, _ADMISSION * budget)[0], own, key=lambda plan: plan.value)

    def bound(self, reached: float, budget: float) -> float | None:
        """Return a bound on the value by prices; the most that there is to be had, if that is reached."""
        if not self._plain:
            return None
        if not self._market.positions or reached >= self._most - TINY:
            return self._most
        return self._market.bound(budget)

    @cached_property
    def _market(self) -> Market:
        return Market(self._round, self.tasks, self._worth.weights)

    def _carried_out(self, bound: float, durations: Settled | None = None, budget: float = math.inf) -> Settled:
        """Return the program's plan, else that of the admitted jobs, or one of a rule that serves more when carried out.

        Durations promise more than groups side by side can keep; so plans are compared by carrying them out
        (:mod:`planner.portfolio`), where that does not take too long, and not under overload.
        """
        admitted, served = self._admitted(bound, budget)
        timely, weights = self._out.timely, [task.weight for task in self.tasks]
        many = len(timely) * min(len(timely), self._gpus) > MOST or self._round.cadence.kind == "rounds"
        if many or crowded(self._round, [job for i, job in enumerate(timely) if i not in served and weights[i] > 0]):
            return admitted
        own = durations or admitted
        best = best_plan(self._round, timely, weights, own.plan)
        return own if best is own.plan else self._out.completed(best, bound)

    def _admitted(self, bound: float, budget: float) -> tuple[Settled, set[int]]:
        """Return the plan of those whom the rule of Moore and Hodgson admits (:mod:`planner.admission`), and their positions.

        The rule asks a list schedule, which keeps what it promises, or in a large backlog a sweep through time
        (:mod:`planner.sweep`). It knows no price and no least share.
        """
        worthy = [i for i, task in enumerate(self.tasks) if task.weight > 0]
        timely = self._out.timely
        jobs, weights = [timely[i] for i in worthy], [self.tasks[i].weight for i in worthy]
        if len(jobs) > _PER_GPU * self._gpus and len(jobs) * min(len(jobs), self._gpus) > _MANY:
            admitted, first = admit_swept(self._round, jobs, weights)
        else:
            admitted, first = admit(self._round, jobs, weights, budget)
        position = {timely[i].id: i for i in worthy}
        pieces = [(position[id_], degree, self.tasks[position[id_]].steps) for id_, degree in first.items()]
        served = [position[job.id] for job in admitted]
        return self._out.plan(served, pieces, bound), set(served)

    @property
    def _beside(self) -> bool:
        """Whether groups of the largest size lie side by side, and jobs on time are all that counts."""
        return self._plain and self._gpus > max(self._round.cluster.degrees)

    @property
    def _detail(self) -> int:
        """Jobs up to which the program is solved as it is: half as many where its durations are no schedule."""
        return self._settings.detail // 2 if self._beside else self._settings.detail

    @property
    def _plain(self) -> bool:
        """Whether jobs on time are all that counts."""
        return not self._worth.price and self._worth.classes is None
