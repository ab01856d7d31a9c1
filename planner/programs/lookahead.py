"""The lookahead program: which of all live jobs can be on time, decided together up to the last deadline.

The deadline-interval program (:mod:`planner.programs.intervals`) over the backlog: points are now and the deadlines. It
is solved again whenever something happens, and only its first moments are carried out.

Most moments need no solver: where a list schedule (:mod:`planner.programs.lists`) finishes every job in time, nothing
can be worth more, and the schedule is the plan. Otherwise the program picks the jobs to serve, the fewest GPU-seconds
among equals, and the list schedule of those is the plan if it keeps its promise; if not, the program's own durations
are. Where several groups of the largest size lie side by side and not every job can be served, a list schedule is the
plan in any case, since durations do not say what runs beside what: that of the jobs of the program or that of the jobs
which a rule admits (:mod:`planner.admission`), whichever serves more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from planner.cluster import Cluster
from planner.effort import Size
from planner.errors import ParameterError, is_finite, whole
from planner.late import LateRule, check_late_rule
from planner.objectives.protocol import Objective
from planner.plan import Assignment
from planner.programs.linear import Settled
from planner.programs.lists import tasks_of
from planner.programs.lookahead_model import LookaheadModel
from planner.programs.sizes import size_of
from planner.programs.worth import worth_of
from planner.round import Round
from planner.timely import timely_and_late


@dataclass(frozen=True)
class Lookahead:
    """The lookahead program.

    Parameters
    ----------
    tie_break
        Price per GPU-second, relative to the least weight or 1, whichever is less, that decides between equally
        valuable sets of jobs.
    late
        What late jobs get (:mod:`planner.late`).
    detail
        Up to so many jobs that can be on time, or half of them where several groups of the largest size lie side by side, the
        program is solved as it is; larger ones by prices
        (:mod:`planner.programs.prices`), in time that hardly grows with the number of GPUs. An objective with a price
        per GPU-second or a least share is always solved as it is.
    concurrency
        Whether the program has the rows of :mod:`planner.programs.concurrency`; without them it promises more than
        whole degrees can keep.
    """

    tie_break: float = 1e-4
    late: LateRule = "brief"
    detail: int = 16
    concurrency: bool = True

    def __post_init__(self) -> None:
        check_late_rule(self.late)
        if not (is_finite(self.tie_break) and 0 <= self.tie_break < 1):
            raise ParameterError("tie_break", self.tie_break, "a price from 0 to below 1 is needed")
        whole("detail", self.detail, 0)

    @property
    def looks_ahead(self) -> bool:
        """It decides up to the last deadline."""
        return True

    def check(self, cluster: Cluster) -> None:
        """Accept every cluster."""

    def model(self, round_: Round, objective: Objective, greedy: Sequence[Assignment]) -> LookaheadModel:
        """Make the model of a round; its start is the list schedule, so ``greedy`` is not looked at.

        Raises
        ------
        ObjectiveError
            If the objective is no sum of rewards for jobs on time, a price per GPU-second and a least share of them.
        """
        round_ = round_.off_grid
        timely = tuple(timely_and_late(round_)[0])
        return LookaheadModel(round_, timely, worth_of(round_, timely, objective), self)

    def measure(self, round_: Round) -> Size:
        """Return how large the program of a round is at most."""
        timely, _ = timely_and_late(round_)
        tasks = tasks_of(round_, timely, [1.0] * len(timely))
        return size_of(tasks, round_) if tasks else Size(0, 0, 0, True)

    def rough(self, round_: Round, objective: Objective, budget: float) -> Settled | None:
        """Return a list schedule of the jobs that prices choose, where the program does not fit the budget."""
        return self.model(round_, objective, ()).rough(budget)

    def bound(self, round_: Round, objective: Objective, reached: float, budget: float) -> float | None:
        """Return a bound on the value of any plan by prices; ``reached``, if that is all that there is to be had.

        None for an objective with a price or a least share.
        """
        return self.model(round_, objective, ()).bound(reached, budget)
