"""What a plan of one round is worth on the user's objective: the sum over what is really assigned.

A point of a program is not yet a plan: choices get concrete groups, idle GPUs are filled, running jobs are widened, late
jobs are served. The value of the plan is recomputed from its assignments, each as one more outcome of the objective.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from planner.capacity import begins, moving_seconds
from planner.objectives.protocol import Objective, rewards_of
from planner.objectives.shares import Shares, shares_of
from planner.outcomes import Bools, Floats, Outcomes
from planner.plan import TOLERANCE, Assignment
from planner.programs.options import Option, outcomes_of
from planner.round import Round

_SAME = 1e-9
_LEAST_SLACK = 0.1
"""Seconds of slack below which all jobs are equally urgent."""
_LATE_URGENCY = 1e-2
"""Of a job that is late: as of one with a hundred seconds of slack."""


class Scores:
    """Rewards of assignments, relative to waiting.

    Parameters
    ----------
    round_
        The instance.
    options
        Of all jobs, job by job, waiting first; per group or per degree.
    objective
        What a plan is worth.
    moves
        Whether options per degree must be told apart by whether a job moves.
    """

    def __init__(self, round_: Round, options: Sequence[Option], objective: Objective, moves: bool) -> None:
        self._round = round_
        self._options = options
        self._objective = objective
        self._moves = moves
        self._position = {job.request.id: at for at, job in enumerate(round_.jobs)}
        self.outcomes = outcomes_of(round_, options)
        """Of the options, in their order; options per degree do not move."""
        self._by_group = any(option.group is not None for option in options)
        self.rewards = self._ask(self.outcomes)
        """Of the options, shape (options,)."""
        self.shares = self._shares(self.outcomes)
        """Of the options, where the objective has a least share."""
        self._moved: tuple[Floats, Shares | None] | None = None
        self._waits = {option.job: at for at, option in enumerate(options) if not option.degree}
        self._rows = {_key(option): at for at, option in enumerate(options) if option.degree}
        self._spans = _spans(options, self.rewards)

    @property
    def unit(self) -> float:
        """The least that a decision about one job is worth, or 1 where all is equal: the unit of a tolerance."""
        largest = float(self._spans.max(initial=0.0))
        return float(np.min(self._spans, where=self._spans > 1e-6 * largest, initial=np.inf)) if largest else 1.0

    def rather_run(self) -> Floats:
        """Return rewards with a tie-break for a program that fills no idle GPUs: rather run than wait, urgent jobs first.

        All tie-breaks together are worth less than the tolerance of a certificate (:data:`planner.plan.TOLERANCE`).
        """
        outcomes = self.outcomes
        slack = outcomes.due_in - (outcomes.steps + outcomes.steps_left) * outcomes.fastest_step
        urgency = np.where(slack >= 0, 1.0 / np.maximum(slack, _LEAST_SLACK), _LATE_URGENCY)
        waits = outcomes.degree == 0
        total = max(_LATE_URGENCY, float(urgency[waits].sum()))
        return self.rewards + np.where(waits, 0.0, 0.5 * TOLERANCE * self.unit / total * urgency)

    def value(self, assignments: Sequence[Assignment]) -> float:
        """Return what assignments are worth: rewards over those of waiting, and the least share."""
        gains = []
        served = {} if self.shares is None else {j: bool(self.shares.served[at]) for j, at in self._waits.items()}
        for assignment in assignments:
            for job, gain, now in self._members(assignment):
                gains.append(gain)
                if self.shares is not None:
                    served[job] = now
        return float(np.sum(gains)) + self._least_share(served)

    def allows(self, old: Assignment | None, new: Assignment) -> bool:
        """Whether one assignment in place of another, or of waiting, does not lower the value."""
        before = 0.0 if old is None else self._gain(old)
        kept = all(now or not self._served_before(job, old) for job, _, now in self._members(new))
        return kept and self._gain(new) >= before - _SAME * max(1.0, abs(before))

    def _gain(self, assignment: Assignment) -> float:
        return sum(gain for _, gain, _ in self._members(assignment))

    def _served_before(self, job: int, old: Assignment | None) -> bool:
        if self.shares is None:
            return False
        if old is None:
            return bool(self.shares.served[self._waits[job]])
        return any(now for other, _, now in self._members(old) if other == job)

    def _least_share(self, served: dict[int, bool]) -> float:
        if self.shares is None:
            return 0.0
        served_rows = np.flatnonzero(self.shares.served).tolist()
        reachable = {self._options[at].job: int(self.shares.classes[at]) for at in served_rows}
        if not reachable:
            return 0.0
        classes = set(reachable.values())
        counts = {c: [served[job] for job, own in reachable.items() if own == c] for c in classes}
        return self.shares.weight * min(sum(own) / len(own) for own in counts.values())

    def _members(self, assignment: Assignment) -> list[tuple[int, float, bool]]:
        """(job by position, reward over waiting, whether it is served) of each job of an assignment."""
        jobs = tuple(self._position[id_] for id_ in assignment.jobs)
        group, degree = (assignment.group if self._by_group else None), assignment.group.degree
        together = [self._round.jobs[job] for job in jobs]
        assumed = moving_seconds(self._round, together, degree, group)
        lost = moving_seconds(self._round, together, degree, assignment.group) > assumed
        members = []
        for job in jobs:
            mates = tuple(sorted(other for other in jobs if other != job))
            row = self._rows.get((job, degree, assignment.steps, group, mates))
            held = self._round.jobs[job].group
            moved = held is not None and held.mask != assignment.group.mask
            if row is None or lost:
                members.append((job, *self._beyond(job, mates, assignment)))
                continue
            rewards, shares = self._of_moved() if moved and self._moves else (self.rewards, self.shares)
            served = False if shares is None else bool(shares.served[row])
            members.append((job, float(rewards[row] - self.rewards[self._waits[job]]), served))
        return members

    def _beyond(self, job: int, mates: tuple[int, ...], assignment: Assignment) -> tuple[float, bool]:
        """Reward over waiting of an assignment that is no option: a step that no round holds, a move that none counts."""
        shape = self._round.jobs[job].request.shape
        seconds = self._round.costs.batch_time(shape, assignment.group, 1 + len(mates))
        group, together = assignment.group, [self._round.jobs[i] for i in (job, *mates)]
        ready = begins(self._round, together, moving_seconds(self._round, together, group.degree, group))
        extra = Option(job, group.degree, assignment.steps, seconds, group, mates, ready)
        at = max(row for row, option in enumerate(self._options) if option.job == job) + 1
        outcomes = outcomes_of(self._round, [*self._options[:at], extra, *self._options[at:]])
        rewards = rewards_of(self._objective, outcomes)
        shares = shares_of(self._objective, outcomes)
        return float(rewards[at] - rewards[self._waits[job]]), shares is not None and bool(shares.served[at])

    def _of_moved(self) -> tuple[Floats, Shares | None]:
        """Rewards and shares of options per degree whose jobs move."""
        if self._moved is None:
            outcomes = self.outcomes.with_moved(True)
            self._moved = self._ask(outcomes), self._shares(outcomes)
        return self._moved

    def _ask(self, outcomes: Outcomes) -> Floats:
        return rewards_of(self._objective, outcomes)

    def _shares(self, outcomes: Outcomes) -> Shares | None:
        return shares_of(self._objective, outcomes)


def _key(option: Option) -> tuple[int, int, int, object, tuple[int, ...]]:
    return option.job, option.degree, option.steps, option.group, tuple(sorted(option.mates))


def _spans(options: Sequence[Option], rewards: Floats) -> Floats:
    """Return by how much the rewards of each job differ, shape (jobs with options,)."""
    if not options:
        return np.zeros(0)
    jobs = np.array([option.job for option in options])
    begins: Bools = np.r_[True, jobs[1:] != jobs[:-1]]
    starts = np.flatnonzero(begins)
    spans: Floats = np.maximum.reduceat(rewards, starts) - np.minimum.reduceat(rewards, starts)
    return spans
