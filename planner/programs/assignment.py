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
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from planner.capacity import available_mask, blocks_free
from planner.cluster import Cluster, Group
from planner.effort import BATCH, OPTIONS, Size
from planner.errors import ParameterError
from planner.idle import mask_of, start_waiting, use_idle
from planner.objectives.protocol import Objective, rewards_of
from planner.objectives.shares import Shares
from planner.outcomes import Floats
from planner.placement import Choice, place
from planner.plan import Assignment
from planner.programs.batches import batches_of, sizes_at_most
from planner.programs.floor import Class, with_floor
from planner.programs.linear import LinearProgram, Settled
from planner.programs.options import Option, options_of, outcomes_of
from planner.programs.scores import Scores
from planner.programs.worth import refuse_reversed
from planner.round import Round


@dataclass(frozen=True)
class AssignmentProgram:
    """The one-round assignment program.

    Parameters
    ----------
    form
        ``"auto"``, ``"degrees"`` (groups are placed afterwards) or ``"groups"`` (each group is a variable).
    conserve
        Give GPUs that the optimum leaves idle to jobs that wait, then to running jobs that gain, then to late jobs, each
        only where that does not lower the value. Without it the program alone decides, and of equally valuable plans
        takes the one that runs more jobs, the most urgent first.
    batching
        Offer batches of jobs of one shape that all survive it.
    """

    form: str = "auto"
    conserve: bool = True
    batching: bool = False

    def __post_init__(self) -> None:
        if self.form not in ("auto", "degrees", "groups"):
            raise ParameterError("form", self.form, "use 'auto', 'degrees' or 'groups'")

    @property
    def looks_ahead(self) -> bool:
        """It decides one round."""
        return False

    def check(self, cluster: Cluster) -> None:
        """Raise ParameterError for ``form="degrees"`` on a cluster on which groups of one degree differ or overlap."""
        if self.form == "degrees" and not (cluster.laminar and cluster.uniform):
            raise ParameterError("form", self.form, f"on cluster {cluster.name} groups differ: use 'auto' or 'groups'")

    def model(self, round_: Round, objective: Objective, greedy: Sequence[Assignment]) -> AssignmentModel:
        """Make the model of a round.

        Raises
        ------
        ObjectiveError
            If the objective misbehaves, or a job is worth less on time than late.
        """
        self.check(round_.cluster)
        free = available_mask(round_)
        alike = round_.cluster.laminar and round_.cluster.uniform
        refuse_reversed(round_, objective)
        if self.form != "groups" and alike:
            options = self._options(round_, None)
            scores = Scores(round_, options, objective, moves=self.form == "degrees")
            moved = scores.outcomes.with_moved(True)
            if self.form == "degrees" or np.array_equal(scores.rewards, rewards_of(objective, moved)):
                return AssignmentModel(round_, tuple(options), scores, free, False, self.conserve, tuple(greedy))
        options = self._options(round_, free)
        scores = Scores(round_, options, objective, moves=False)
        return AssignmentModel(round_, tuple(options), scores, free, True, self.conserve, tuple(greedy))

    def measure(self, round_: Round) -> Size:
        """Return how large the program is at most: every job on every degree, or on every group."""
        cluster, jobs = round_.cluster, len(round_.jobs)
        by_degree = self.form != "groups" and cluster.laminar and cluster.uniform
        if by_degree:
            choices, used = len(cluster.degrees), len(cluster.degrees) * (len(cluster.degrees) + 1) // 2
            couplings = len(cluster.degrees)
        else:
            choices, used, couplings = len(cluster.all_groups), sum(g.degree for g in cluster.all_groups), cluster.gpus
        batches = sizes_at_most(round_, by_degree) if self.batching else []
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
        options = options_of(round_, free)
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
            if outcomes_of(round_, members).survives.all():
                covered += members
        return sorted([*options, *covered], key=lambda option: option.job)


class AssignmentModel:
    """The program of one round; waiting is eliminated, so a variable's reward is relative to its job's waiting."""

    def __init__(
        self,
        round_: Round,
        options: tuple[Option, ...],
        scores: Scores,
        free: int,
        concrete: bool,
        conserve: bool,
        greedy: tuple[Assignment, ...],
    ) -> None:
        self._round = round_
        self._scores = scores
        self._free = free
        self._conserve = conserve
        self.concrete = concrete
        """Whether variables are groups rather than degrees."""
        rewards = scores.rewards if conserve else scores.rather_run()
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
        if scores.shares is not None:
            linear = with_floor(linear, _classes(options, rows, scores.shares), scores.shares.weight, whole=True)
        self.linear = linear
        """The arrays; with a least share, its variable is the last."""

    def _linear(self, gains: Floats, greedy: tuple[Assignment, ...]) -> LinearProgram:
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

    def _start(self, greedy: tuple[Assignment, ...]) -> Floats:
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

    def judged(
        self,
        assignments: Sequence[Assignment],
        bound: float | None,
        promised: Sequence[int] | None = None,
        made_of: Sequence[int] | None = None,
    ) -> Settled:
        """Return a plan with what it is worth: rewards over those of waiting, and the least share.

        A bound on the program bounds it, unless it runs what the program lacks (a step that no round holds).
        """
        value = self._scores.value(assignments)
        bound = None if bound is None else max(bound, value)
        return Settled(list(assignments), value, bound, unit=self._scores.unit)

    def carry_out(self, x: Floats, bound: float | None) -> Settled:
        """Turn a point into a plan with its value and bound."""
        return self.judged(self.assignments(x), bound)

    def assignments(self, x: Floats) -> list[Assignment]:
        """Place the chosen options, then use what is idle as far as that does not lower the value."""
        jobs = self._round.jobs
        chosen = [self.options[column] for column in np.flatnonzero(x[: len(self.options)] > 0.5)]
        covers = {jobs[o.job].request.id: tuple(jobs[i].request.id for i in o.members) for o in chosen}
        if self.concrete:
            placed = [Assignment((jobs[o.job].request.id,), o.group, o.steps) for o in chosen if o.group is not None]
        else:
            placed = place(self._round, [Choice(jobs[o.job], o.degree, o.steps) for o in chosen], self._free)
        placed = [replace(a, jobs=covers[a.jobs[0]]) for a in placed]
        if not self._conserve:
            return placed
        running = {id_ for assignment in placed for id_ in assignment.jobs}
        waiting = [job for job in jobs if job.request.id not in running]
        late = [job for job in waiting if self._round.hopeless(job)]
        timely = [job for job in waiting if not self._round.hopeless(job)]
        allows = self._scores.allows
        placed += start_waiting(self._round, timely, self._free & ~mask_of(placed), allows)
        return use_idle(self._round, placed, late, self._free, allows=allows)


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
