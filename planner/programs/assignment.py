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

With batching, an option may cover several jobs of one shape (:mod:`planner.programs.batches`): it is in the row of each
of them, and its reward is the sum of theirs. An objective with a least share adds one variable
(:mod:`planner.programs.floor`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from planner.capacity import available_mask, blocks_free, steps_within
from planner.cluster import Group
from planner.effort import BATCH, OPTIONS, Size
from planner.idle import mask_of, start_waiting, use_idle
from planner.job import Job
from planner.objectives.protocol import Objective, rewards_of
from planner.objectives.shares import Shares, shares_of
from planner.outcomes import Floats, Outcomes
from planner.placement import Choice, place
from planner.plan import Assignment as PlanAssignment
from planner.programs.batches import batches_of
from planner.programs.floor import Class, with_floor
from planner.programs.linear import LinearProgram, Settled
from planner.round import EPSILON, Round
from planner.timely import steps_in_time


@dataclass(frozen=True, slots=True)
class Option:
    """A job (by position in the round) on a number of GPUs, or on one group, for some steps; degree 0 waits.

    ``mates`` are the other jobs of its batch, and ``ready`` is when all of them can begin.
    """

    job: int
    degree: int
    steps: int
    seconds: float
    group: Group | None
    mates: tuple[int, ...] = ()
    ready: float = 0.0

    @property
    def members(self) -> tuple[int, ...]:
        """All jobs that it covers."""
        return (self.job, *self.mates)


@dataclass(frozen=True)
class Assignment:
    """The one-round assignment program.

    Parameters
    ----------
    form
        ``"auto"``, ``"degrees"`` (groups are placed afterwards) or ``"groups"`` (each group is a variable).
    conserve
        Give GPUs that the optimum leaves idle to jobs that wait, then to running jobs that gain, then to late jobs.
    batching
        Offer batches of jobs of one shape that all survive it.
    """

    form: str = "auto"
    conserve: bool = True
    batching: bool = False

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
        greedy = tuple(greedy)
        if self.form != "groups" and alike:
            options = self._options(round_, None)
            outcomes = _outcomes(round_, options)
            rewards = rewards_of(objective, outcomes.with_moved(False))
            if self.form == "degrees" or np.array_equal(rewards, rewards_of(objective, outcomes.with_moved(True))):
                shares = shares_of(objective, outcomes.with_moved(False))
                return AssignmentModel(round_, tuple(options), rewards, free, False, self.conserve, greedy, shares)
        options = self._options(round_, free)
        outcomes = _outcomes(round_, options)
        rewards = rewards_of(objective, outcomes)
        shares = shares_of(objective, outcomes)
        return AssignmentModel(round_, tuple(options), rewards, free, True, self.conserve, greedy, shares)

    def measure(self, round_: Round) -> Size:
        """Return how large the program is at most: every job on every degree, or on every group."""
        cluster, jobs = round_.cluster, len(round_.jobs)
        by_degree = self.form != "groups" and cluster.laminar and cluster.uniform
        if by_degree:
            choices, used = len(cluster.degrees), len(cluster.degrees) * (len(cluster.degrees) + 1) // 2
            couplings = len(cluster.degrees)
        else:
            choices, used, couplings = len(cluster.all_groups), sum(g.degree for g in cluster.all_groups), cluster.gpus
        batches = _batches_at_most(round_, by_degree) if self.batching else []
        variables = jobs * choices + len(batches)
        widest = couplings if by_degree else max(cluster.degrees)
        nonzeros = jobs * (choices + used) + sum(batches) + widest * len(batches)
        entries = variables + jobs + couplings + nonzeros
        shares = variables + jobs + 1  # a least share adds a row for each class of jobs, and a variable
        build = OPTIONS(entries) + BATCH * len(batches)
        return Size(variables + 1, jobs + couplings + jobs, nonzeros + shares, False, build)

    def rough(self, round_: Round, objective: Objective, budget: float) -> Settled | None:
        """Return None: where the program does not fit, the greedy plan stands."""
        return None

    def _options(self, round_: Round, free: int | None) -> list[Option]:
        """Options of single jobs and, with batching, of batches: one per member, after the member's own options."""
        options = _options(round_, free)
        if not self.batching:
            return options
        covered: list[Option] = []
        for batch in batches_of(round_, free):
            members = [
                Option(
                    job, batch.degree, batch.steps, batch.seconds, batch.group,
                    tuple(other for other in batch.jobs if other != job), batch.ready,
                )
                for job in batch.jobs
            ]  # fmt: skip
            if _outcomes(round_, members).survives.all():
                covered += members
        return sorted([*options, *covered], key=lambda option: option.job)


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
        shares: Shares | None = None,
    ) -> None:
        self._round = round_
        self._free = free
        self._conserve = conserve
        self.concrete = concrete
        """Whether variables are groups rather than degrees."""
        waits = {option.job: reward for option, reward in zip(options, rewards, strict=True) if not option.degree}
        self.constant = float(sum(waits.values()))
        """Reward when every job waits; the value of a point is this plus ``linear.value(x)``."""
        at = {(o.job, o.degree, o.group, o.mates): row for row, o in enumerate(options)}
        heads = [(row, option) for row, option in enumerate(options) if option.degree and _leads(option)]
        rows = [[at[mate] for mate in _as_members(option)] if option.mates else [row] for row, option in heads]
        self.options = tuple(option for _, option in heads)
        """The option of each variable; that of a batch is its first job's."""
        gains = np.array(
            [sum(rewards[row] - waits[options[row].job] for row in own) for own in rows],
            dtype=np.float64,
        )
        linear = self._linear(gains, greedy)
        if shares is not None:
            linear = with_floor(linear, _classes(options, rows, shares), shares.weight, whole=True)
        self.linear = linear
        """The arrays; with a least share, its variable is the last."""

    def _linear(self, gains: Floats, greedy: tuple[PlanAssignment, ...]) -> LinearProgram:
        rows: list[list[int]] = []
        weights: list[list[float]] = []
        capacity: list[float] = []
        by_job: dict[int, list[int]] = {}
        for column, option in enumerate(self.options):
            for job in option.members:
                by_job.setdefault(job, []).append(column)
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
            if (
                group is not None
                and not option.mates
                and (group == option.group if self.concrete else group.degree == option.degree)
            ):
                start[column] = 1.0
        return start

    def settled(self, budget: float = math.inf) -> Settled | None:
        """Return None: nothing is known before the program is solved."""
        return None

    def assignments(self, x: Floats) -> list[PlanAssignment]:
        """Place the chosen options, then use what is idle."""
        jobs = self._round.jobs
        chosen = [self.options[column] for column in np.flatnonzero(x[: len(self.options)] > 0.5)]
        covers = {jobs[o.job].request.id: tuple(jobs[i].request.id for i in o.members) for o in chosen}
        if self.concrete:
            placed = [
                PlanAssignment((jobs[o.job].request.id,), o.group, o.steps) for o in chosen if o.group is not None
            ]
        else:
            placed = place(self._round, [Choice(jobs[o.job], o.degree, o.steps) for o in chosen], self._free)
        placed = [replace(a, jobs=covers[a.jobs[0]]) for a in placed]
        if not self._conserve:
            return placed
        running = {id_ for assignment in placed for id_ in assignment.jobs}
        waiting = [job for job in jobs if job.request.id not in running]
        late = [job for job in waiting if self._round.hopeless(job)]
        timely = [job for job in waiting if not self._round.hopeless(job)]
        placed += start_waiting(self._round, timely, self._free & ~mask_of(placed))
        return use_idle(self._round, placed, late, self._free)


def _batches_at_most(round_: Round, by_degree: bool) -> list[int]:
    """Return the number of jobs in each batch that could be offered."""
    counts = Counter(job.request.shape for job in round_.jobs)
    cluster = round_.cluster
    groups = [cluster.groups(degree)[0] for degree in cluster.degrees] if by_degree else cluster.all_groups
    sizes: list[int] = []
    for shape, jobs in counts.items():
        for group in groups:
            for size in round_.profile.batches(shape, group.degree, group.link):
                if 1 < size <= jobs:
                    sizes += [size] * (jobs - size + 1)
    return sizes


def _leads(option: Option) -> bool:
    """Whether an option is a single job's, or a batch as its first job has it."""
    return not option.mates or option.job < option.mates[0]


def _as_members(option: Option) -> list[tuple[int, int, Group | None, tuple[int, ...]]]:
    """Return the keys of a batch's options, one per member."""
    jobs = option.members
    return [(i, option.degree, option.group, tuple(j for j in jobs if j != i)) for i in jobs]


def _classes(options: Sequence[Option], rows: Sequence[Sequence[int]], shares: Shares) -> list[Class]:
    """Classes of the jobs that any option serves, with what each variable adds to serving them."""
    waits = {option.job: bool(shares.served[row]) for row, option in enumerate(options) if not option.degree}
    kind = {option.job: int(shares.classes[row]) for row, option in enumerate(options) if shares.served[row]}
    classes = []
    for name in sorted(set(kind.values())):
        jobs = {job for job, own in kind.items() if own == name}
        columns = [c for c, own in enumerate(rows) if options[own[0]].job in jobs]
        adds = [
            float(sum(int(shares.served[row]) - waits[options[row].job] for row in rows[c] if options[row].job in jobs))
            for c in columns
        ]
        classes.append(Class(len(jobs), sum(waits[job] for job in jobs), tuple(columns), tuple(adds)))
    return classes


def _options(round_: Round, free: int | None) -> list[Option]:
    """All options, job by job, waiting first; per degree when ``free`` is None, per group inside ``free`` otherwise.

    Degrees and groups on which the first step costs the deadline are no options (:mod:`planner.timely`).
    """
    options: list[Option] = []
    for index, job in enumerate(round_.jobs):
        options.append(Option(index, 0, 0, 0.0, None))
        costs = round_.costs.of(job.request.shape)
        if free is None:
            for degree, seconds in zip(costs.degrees, costs.seconds, strict=True):
                steps = _steps(round_, job, seconds)
                if steps:
                    options.append(Option(index, degree, steps, seconds, None))
        else:
            for group in round_.cluster.all_groups:
                if group.mask & free == group.mask and group.mask in costs.by_mask:
                    seconds = costs.by_mask[group.mask]
                    steps = _steps(round_, job, seconds)
                    if steps:
                        options.append(Option(index, group.degree, steps, seconds, group))
    return options


def _steps(round_: Round, job: Job, seconds: float) -> int:
    """Return the steps of an option: as many as fit the round, and do not cost the deadline."""
    steps = steps_within(round_, seconds, job.steps_left)
    return steps_in_time(round_, job, seconds, steps) if steps else 0


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
    ready = np.maximum(ready, np.array([option.ready for option in options]))
    size = np.array([1 + len(option.mates) for option in options], dtype=np.int64)
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
        gpu_seconds=degree * steps * seconds / size,
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
