"""The round itself as an integer program: each job takes at most one option, groups do not overlap.

    maximize    sum over options o of reward[o] x[o]
    subject to  sum of x[o] over the options of job i            = 1    (one of them: wait; eliminated below)
                sum of x[o] over the options whose group has GPU g <= 1
                x[o] in {0, 1}

Where all groups of a degree are alike, groups need not be chosen: on a laminar cluster the second kind of row
becomes, for
each degree d, ``sum over k >= d of (k / d) n_k <= number of free groups of degree d``, which is exact (see
:mod:`planner.placement`), has no symmetry, and does not grow with the number of GPUs. The program takes that form by
itself when groups are alike and the objective does not look at moves, and the concrete form otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.capacity import available_mask, blocks_free, steps_within
from planner.cluster import Group
from planner.idle import mask_of, start_waiting, use_idle
from planner.job import Job
from planner.objectives.protocol import Objective, rewards_of
from planner.outcomes import Floats, Outcomes
from planner.placement import Choice, place
from planner.plan import Assignment as PlanAssignment
from planner.programs.linear import LinearProgram, Settled
from planner.round import EPSILON, Round


@dataclass(frozen=True, slots=True)
class Option:
    """A job (by position in the round) on a number of GPUs, or on one group, for some steps; degree 0 waits."""

    job: int
    degree: int
    steps: int
    seconds: float
    group: Group | None


@dataclass(frozen=True)
class Assignment:
    """The one-round assignment program.

    Parameters
    ----------
    form
        ``"auto"``, ``"degrees"`` (groups are placed afterwards) or ``"groups"`` (each group is a variable).
    conserve
        Give GPUs that the optimum leaves idle to jobs that wait, then to running jobs that gain, then to late jobs.
    """

    form: str = "auto"
    conserve: bool = True

    def __post_init__(self) -> None:
        if self.form not in ("auto", "degrees", "groups"):
            raise ValueError(f"program.form is {self.form!r}; use 'auto', 'degrees' or 'groups'")

    def model(self, round_: Round, objective: Objective, greedy: Sequence[PlanAssignment]) -> AssignmentModel:
        """Make the model of a round."""
        free = available_mask(round_)
        alike = round_.cluster.laminar and round_.cluster.uniform
        if self.form == "degrees" and not alike:
            raise ValueError(
                f"program.form is 'degrees', but on cluster {round_.cluster.name} groups differ; use 'auto' or 'groups'"
            )
        if self.form != "groups" and alike:
            options = _options(round_, None)
            outcomes = _outcomes(round_, options)
            rewards = rewards_of(objective, outcomes.with_moved(False))
            if self.form == "degrees" or np.array_equal(rewards, rewards_of(objective, outcomes.with_moved(True))):
                return AssignmentModel(round_, tuple(options), rewards, free, False, self.conserve, tuple(greedy))
        options = _options(round_, free)
        rewards = rewards_of(objective, _outcomes(round_, options))
        return AssignmentModel(round_, tuple(options), rewards, free, True, self.conserve, tuple(greedy))


class AssignmentModel:
    """The program of one round; waiting is eliminated, so a variable's reward is relative to its job's waiting."""

    def __init__(
        self,
        round_: Round,
        options: tuple[Option, ...],
        rewards: Floats,
        free: int,
        concrete: bool,
        conserve: bool,
        greedy: tuple[PlanAssignment, ...],
    ) -> None:
        self._round = round_
        self._free = free
        self._conserve = conserve
        self.concrete = concrete
        """Whether variables are groups rather than degrees."""
        waits = {option.job: reward for option, reward in zip(options, rewards, strict=True) if not option.degree}
        self.constant = float(sum(waits.values()))
        """Reward when every job waits; the value of a point is this plus ``linear.value(x)``."""
        self.options = tuple(option for option in options if option.degree)
        """The option of each variable."""
        gains = np.array(
            [reward - waits[option.job] for option, reward in zip(options, rewards, strict=True) if option.degree],
            dtype=np.float64,
        )
        self.linear = self._linear(gains, greedy)
        """The arrays."""

    def _linear(self, gains: Floats, greedy: tuple[PlanAssignment, ...]) -> LinearProgram:
        rows: list[list[int]] = []
        weights: list[list[float]] = []
        capacity: list[float] = []
        by_job: dict[int, list[int]] = {}
        for column, option in enumerate(self.options):
            by_job.setdefault(option.job, []).append(column)
        for columns in by_job.values():
            rows.append(columns)
            weights.append([1.0] * len(columns))
            capacity.append(1.0)
        if self.concrete:
            for gpu in range(self._round.cluster.gpus):
                columns = [
                    c
                    for c, option in enumerate(self.options)
                    if option.group is not None and option.group.mask >> gpu & 1
                ]
                if columns:
                    rows.append(columns)
                    weights.append([1.0] * len(columns))
                    capacity.append(1.0)
        else:
            free = blocks_free(self._round, self._free)
            for degree in self._round.cluster.degrees:
                columns = [c for c, option in enumerate(self.options) if option.degree >= degree]
                rows.append(columns)
                weights.append([self.options[c].degree / degree for c in columns])
                capacity.append(float(free[degree]))
        count = len(self.options)
        return LinearProgram(
            rewards=gains,
            row_starts=np.cumsum([0, *map(len, rows)], dtype=np.int64),
            columns=np.array([column for row in rows for column in row], dtype=np.int64),
            coefficients=np.array([weight for row in weights for weight in row], dtype=np.float64),
            capacity=np.array(capacity, dtype=np.float64),
            lower=np.zeros(count),
            upper=np.ones(count),
            integer=np.ones(count, dtype=np.bool_),
            start=self._start(greedy),
        )

    def _start(self, greedy: tuple[PlanAssignment, ...]) -> Floats:
        """The greedy plan as a point: for each of its jobs, the option with the same group (or degree)."""
        start = np.zeros(len(self.options))
        position = {job.request.id: index for index, job in enumerate(self._round.jobs)}
        chosen = {position[a.jobs[0]]: a.group for a in greedy if len(a.jobs) == 1}
        for column, option in enumerate(self.options):
            group = chosen.get(option.job)
            if group is not None and (group == option.group if self.concrete else group.degree == option.degree):
                start[column] = 1.0
        return start

    def settled(self) -> Settled | None:
        """Return None: nothing is known before the program is solved."""
        return None

    def assignments(self, x: Floats) -> list[PlanAssignment]:
        """Place the chosen options, then use what is idle."""
        jobs = self._round.jobs
        chosen = [self.options[column] for column in np.flatnonzero(x > 0.5)]
        if self.concrete:
            placed = [
                PlanAssignment((jobs[o.job].request.id,), o.group, o.steps) for o in chosen if o.group is not None
            ]
        else:
            placed = place(self._round, [Choice(jobs[o.job], o.degree, o.steps) for o in chosen], self._free)
        if not self._conserve:
            return placed
        running = {id_ for assignment in placed for id_ in assignment.jobs}
        waiting = [job for job in jobs if job.request.id not in running]
        late = [job for job in waiting if self._round.hopeless(job)]
        timely = [job for job in waiting if not self._round.hopeless(job)]
        placed += start_waiting(self._round, timely, self._free & ~mask_of(placed))
        return use_idle(self._round, placed, late, self._free)


def _options(round_: Round, free: int | None) -> list[Option]:
    """All options, job by job, waiting first; per degree when ``free`` is None, per group inside ``free`` otherwise."""
    options: list[Option] = []
    for index, job in enumerate(round_.jobs):
        options.append(Option(index, 0, 0, 0.0, None))
        costs = round_.costs.of(job.request.shape)
        if free is None:
            for degree, seconds in zip(costs.degrees, costs.seconds, strict=True):
                steps = steps_within(round_, seconds, job.steps_left)
                if steps:
                    options.append(Option(index, degree, steps, seconds, None))
        else:
            for group in round_.cluster.all_groups:
                if group.mask & free == group.mask and group.mask in costs.by_mask:
                    seconds = costs.by_mask[group.mask]
                    steps = steps_within(round_, seconds, job.steps_left)
                    if steps:
                        options.append(Option(index, group.degree, steps, seconds, group))
    return options


def _outcomes(round_: Round, options: Sequence[Option]) -> Outcomes:
    """What the options lead to, at the end of the round."""
    jobs = round_.jobs
    index = np.array([option.job for option in options], dtype=np.int64)
    degree = np.array([option.degree for option in options], dtype=np.int64)
    steps = np.array([option.steps for option in options], dtype=np.int64)
    seconds = np.array([option.seconds for option in options], dtype=np.float64)

    def per_job(values: Sequence[float]) -> Floats:
        return np.array(values, dtype=np.float64)[index]

    fastest = per_job([round_.costs.of(job.request.shape).fastest for job in jobs])
    due = per_job([job.due for job in jobs])
    ready = np.maximum(per_job([job.ready for job in jobs]), round_.now)
    left = np.array([job.steps_left for job in jobs], dtype=np.int64)[index] - steps
    horizon = round_.now + round_.cadence.tau
    stops = ready + steps * seconds
    begins = horizon if round_.cadence.kind == "rounds" else np.maximum(horizon, stops)
    ends = np.where(left == 0, stops, begins)
    lateness = ends + left * fastest - due
    return Outcomes(
        job=np.array([job.request.id for job in jobs], dtype=np.int64)[index],
        degree=degree,
        steps=steps,
        steps_left=left,
        gpu_seconds=degree * steps * seconds,
        fastest_step=fastest,
        lateness=lateness,
        survives=lateness <= EPSILON,
        finishes=(left == 0) & (degree > 0),
        moved=np.array([_moved(jobs[option.job], option) for option in options], dtype=np.bool_),
        weight=per_job([job.request.weight for job in jobs]),
        waited=round_.now - per_job([job.request.arrival for job in jobs]),
        due_in=due - round_.now,
        pixels=np.array([job.request.shape.pixels for job in jobs], dtype=np.int64)[index],
    )


def _moved(job: Job, option: Option) -> bool:
    return option.group is not None and job.group is not None and option.group.mask != job.group.mask
