"""Preemptive baselines by priority: earliest deadline first, and shortest remaining time first."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from planner.admission import admitted
from planner.allocation import preferred_degrees
from planner.capacity import available_mask, blocks_free, latest_start, steps_within
from planner.costs import Costs, ShapeCosts
from planner.errors import whole
from planner.job import Job
from planner.lasting import Limit, contenders, lasting, steps_in_hand, steps_until_cheaper
from planner.late import LateRule, check_late_rule, serve_late
from planner.placement import Choice, place
from planner.plan import Assignment, Plan, no_claim
from planner.refill import refill
from planner.round import Round
from planner.solvers.protocol import check_degree
from planner.timely import steps_in_time, timely_and_late
from profiles.shape import Shape

_MOST = 8
"""GPUs that shortest remaining time gives a request unless told otherwise; a group that one node has."""


@dataclass(frozen=True)
class Edf:
    """Earliest deadline first, each job at the degree with the least GPU-seconds that still meets its deadline.

    A degree below the fastest, at which the job does not run yet, must leave half a step (:data:`planner.timely.SPARE`).
    Where the degree is taken, the job gets the fastest that is left, unless a step on it costs the deadline.

    Parameters
    ----------
    elastic
        Whether idle GPUs widen what runs.
    admission
        Whether jobs that :func:`planner.admission.admit` gives up come after all others that can be on time.
    late
        What late jobs get (:mod:`planner.late`).
    lasting
        Whether segments last until its answer can be another one (:mod:`planner.lasting`), rather than for a round's worth.
    """

    elastic: bool = True
    admission: bool = False
    late: LateRule = "idle"
    lasting: bool = True
    name: str = "edf"
    preemptive: bool = True

    def __post_init__(self) -> None:
        check_late_rule(self.late)

    def solve(self, round_: Round, budget: float) -> Plan:
        """Plan a round."""
        round_ = round_.off_grid
        room = Room(round_)
        choices: list[Choice] = []
        timely, late = timely_and_late(round_)
        first = admitted(round_, timely) if self.admission else set()
        for job in sorted(timely, key=lambda job: (job.request.id not in first, job.due, job.request.id)):
            room.take(job, preferred_degrees(round_, job), choices)
        placed = place(round_, choices, room.free)
        plan = serve_late(round_, placed, late, room.free, self.late, bool(timely), elastic=self.elastic)
        waiting = contenders(round_, plan, timely, late, self.late) if self.lasting else None
        if waiting is None or (self.admission and len(first) < len(timely)):
            return Plan(tuple(plan), no_claim(self.name), refill(round_, plan, timely))
        plan, stands = lasting(round_, plan, timely, late, self._limit(round_, choices, bool(waiting)), self.elastic)
        return Plan(tuple(plan), no_claim(self.name), foreseen=stands)

    def _limit(self, round_: Round, choices: Sequence[Choice], contended: bool) -> Limit:
        """Let a job go on until fewer GPUs are enough for it and somebody waits for them, or until it might be late."""
        wanted = {choice.job.request.id: choice.degree for choice in choices}

        def limit(job: Job, assignment: Assignment, begins: float) -> int:
            request = job.request
            costs, degree = round_.costs.of(request.shape), wanted[request.id]
            seconds = costs.by_mask[assignment.group.mask]
            steps = steps_in_hand(job, begins, seconds, costs.step_time[degree])
            if steps and (contended or not self.elastic):
                worth = assignment.steps
                steps = min(steps, -(-steps_until_cheaper(costs, job, begins, seconds, degree) // worth) * worth)
            return steps

        return limit


@dataclass(frozen=True)
class Srtf:
    """Shortest remaining time first at one degree, preemptive at chunk boundaries.

    Where a step at that degree would cost the deadline, the job takes the next degree that is faster.

    Parameters
    ----------
    degree
        GPUs per request; None for the most that the profile knows for its shape, up to 8.
    chunk
        Steps between the points at which a job may be preempted; with cadence ``rounds``, the boundaries of rounds are.
    elastic
        Whether idle GPUs widen what runs.
    admission
        Whether jobs that :func:`planner.admission.admit` gives up come after all others that can be on time.
    late
        What late jobs get (:mod:`planner.late`).
    """

    degree: int | None = None
    chunk: int = 5
    elastic: bool = False
    admission: bool = False
    late: LateRule = "idle"
    preemptive: bool = True

    def __post_init__(self) -> None:
        for field, value in (("degree", self.degree), ("chunk", self.chunk)):
            if value is not None:
                whole(field, value)
        check_late_rule(self.late)

    def check(self, costs: Costs, shapes: Collection[Shape]) -> None:
        """Raise ParameterError if a given degree is not to be had."""
        if self.degree is not None:
            check_degree("degree", self.degree, costs, shapes)

    @property
    def name(self) -> str:
        """``srtf``, with the degree where one is given."""
        return "srtf" if self.degree is None else f"srtf-{self.degree}"

    def solve(self, round_: Round, budget: float) -> Plan:
        """Plan a round."""
        round_ = round_.off_grid
        timely, late = timely_and_late(round_)
        first = admitted(round_, timely) if self.admission else set()

        def order(job: Job) -> tuple[bool, bool, float, int]:
            in_chunk = job.running and job.steps_left % self.chunk != 0
            return not in_chunk, job.request.id not in first, *self._remaining(round_, job, job.steps_left)

        room = Room(round_)
        choices: list[Choice] = []
        for job in sorted(timely, key=order):
            costs = round_.costs.of(job.request.shape)
            degree = self._degree(costs)
            own = costs.step_time.get(degree)
            if own is not None:
                faster = [d for d, seconds in zip(costs.degrees, costs.seconds, strict=True) if seconds < own]
                chunk = None if round_.cadence.kind == "rounds" else (job.steps_left - 1) % self.chunk + 1
                room.take(job, [degree, *faster], choices, chunk)
        placed = place(round_, choices, room.free)
        plan = serve_late(round_, placed, late, room.free, self.late, bool(timely), elastic=self.elastic)
        waiting = contenders(round_, plan, timely, late, self.late)
        if waiting is None or (self.admission and len(first) < len(timely)):
            return Plan(tuple(plan), no_claim(self.name), refill(round_, plan, timely))
        plan, stands = lasting(round_, plan, timely, late, self._limit(round_, waiting), self.elastic)
        return Plan(tuple(plan), no_claim(self.name), foreseen=stands)

    def _limit(self, round_: Round, waiting: Sequence[Job]) -> Limit:
        """Let a job go on until one that waits comes before it, or until it might be late."""
        shortest = min((self._remaining(round_, job, job.steps_left) for job in waiting), default=(math.inf, 0))

        def limit(job: Job, assignment: Assignment, begins: float) -> int:
            costs = round_.costs.of(job.request.shape)
            seconds = costs.by_mask[assignment.group.mask]
            steps = steps_in_hand(job, begins, seconds, costs.fastest)
            if steps and shortest < self._remaining(round_, job, job.steps_left - assignment.steps):
                return assignment.steps
            moving = round_.move_seconds(job, assignment.group)
            return min(steps, steps_in_time(round_, job, seconds, job.steps_left, moving))

        return limit

    def _remaining(self, round_: Round, job: Job, steps: int) -> tuple[float, int]:
        """Seconds that steps of a job take at its degree, and its id: who is first among those between chunks."""
        costs = round_.costs.of(job.request.shape)
        return steps * costs.step_time.get(self._degree(costs), math.inf), job.request.id

    def _degree(self, costs: ShapeCosts) -> int:
        if self.degree is not None:
            return self.degree
        for degree in reversed(costs.step_time):  # ascending
            if degree <= _MOST:
                return degree
        return min(costs.step_time)


class Room:
    """GPUs that are still to be had while jobs take degrees one after the other."""

    def __init__(self, round_: Round) -> None:
        self._round = round_
        self.free = available_mask(round_)
        """Mask of the GPUs that may be used at all."""
        self._blocks = blocks_free(round_, self.free) if round_.cluster.laminar else None
        self._left = self.free.bit_count()

    def take(self, job: Job, degrees: Sequence[int], choices: list[Choice], steps: int | None = None) -> None:
        """Append a choice for the first of ``degrees`` that still fits, if one does: for ``steps``, or a round's worth.

        A step that is longer than the round at all of ``degrees`` runs all the same, and keeps its GPUs until it ends.
        """
        if self._round.cadence.on_grid and job.ready > latest_start(self._round):
            return
        costs = self._round.costs.of(job.request.shape)
        times = costs.step_time
        for degree in degrees:
            seconds = times.get(degree)
            if seconds is None or not self._fits(degree):
                continue
            wanted = steps or steps_within(self._round, seconds, job.steps_left)
            if not wanted and not any(steps_within(self._round, times[d], 1) for d in degrees if d in times):
                wanted = 1
            if wanted and seconds > costs.fastest:
                wanted = steps_in_time(self._round, job, seconds, wanted)
            if wanted:
                self._occupy(degree)
                choices.append(Choice(job, degree, wanted))
                return

    def _fits(self, degree: int) -> bool:
        if self._blocks is None:
            return degree <= self._left
        for size, count in self._blocks.items():
            if size > degree:
                break
            if count * size < degree:
                return False
        return True

    def _occupy(self, degree: int) -> None:
        self._left -= degree
        if self._blocks is not None:
            for size in self._blocks:
                if size > degree:
                    break
                self._blocks[size] -= degree // size
