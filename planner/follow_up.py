"""Where a plan leads: the instance of the next decision, and what is then still to be had.

What a plan is worth in the lookahead program does not depend on who made it: it is carried out up to the next decision,
and from there the program of what is left is solved. So plans that rules made are set against optimal ones on one scale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from planner.capacity import moving_seconds
from planner.job import Job
from planner.plan import Assignment
from planner.round import EPSILON, Round
from planner.solvers.protocol import Solver

_MOST = 10_000
"""Decisions after which a solver that never finishes is given up."""


class Carried(NamedTuple):
    """Steps that a plan began, from ``begins`` to ``ends`` in seconds."""

    assignment: Assignment
    begins: float
    ends: float

    @property
    def gpu_seconds(self) -> float:
        """Of these steps."""
        return self.assignment.group.degree * (self.ends - self.begins)


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What a plan leaves behind when the next decision is due.

    Parameters
    ----------
    round_
        The instance of that decision, without the jobs that have no step left to decide.
    done
        When the last step of each of those ends, by request id.
    carried
        The steps that the plan began, per assignment.
    """

    round_: Round
    done: Mapping[int, float]
    carried: tuple[Carried, ...]


@dataclass(slots=True)
class _Stretch:
    """An assignment in time: begins, and takes so many seconds a step."""

    assignment: Assignment
    begins: float
    seconds: float
    moving: float
    """Seconds before ``begins`` in which its jobs move, and it has its GPUs."""

    @property
    def ends(self) -> float:
        return self.begins + self.assignment.steps * self.seconds

    def begun(self, by: float) -> int:
        """Count the steps that have begun before a time."""
        if self.begins >= by - EPSILON:
            return 0
        return min(self.assignment.steps, -int(-(by - self.begins - EPSILON) // self.seconds))


def follow_up(round_: Round, assignments: Sequence[Assignment], until: float | None = None) -> FollowUp:
    """Carry a plan out up to the next decision, at the step times of the profile and without new arrivals.

    With cadence ``rounds`` the next decision is due after ``tau``. With ``events`` it is due when a segment of the plan
    ends, a GPU has made its image, or a job that the plan stops comes to its step boundary; after ``tau`` where none of these
    happens. A segment begins when its jobs and its GPUs are ready, and later by what a move costs; steps in progress are
    never interrupted.

    Parameters
    ----------
    round_
        The instance.
    assignments
        A legal plan for it (:func:`planner.check.check_plan`).
    until
        When the next decision is due; by default as above.
    """
    jobs = {job.request.id: job for job in round_.jobs}
    stretches = [_stretch(round_, jobs, assignment) for assignment in assignments]
    until = _next_decision(round_, stretches) if until is None else until
    after = dict(jobs)
    free_at = list(round_.free_at)
    decoding = {gpu for gpu in round_.decoding if free_at[gpu] > until + EPSILON}
    done: dict[int, float] = {}
    carried: list[Carried] = []
    for job in round_.jobs:
        if job.running and job.ready <= until + EPSILON:
            after[job.request.id] = replace(job, running=False)
    for stretch in stretches:
        begun = stretch.begun(until)
        if not begun and (not stretch.moving or stretch.begins - stretch.moving >= until - EPSILON):
            continue
        group = stretch.assignment.group
        boundary = stretch.begins + begun * stretch.seconds
        if begun:
            carried.append(Carried(replace(stretch.assignment, steps=begun), stretch.begins, boundary))
        for gpu in group.gpus:
            free_at[gpu] = boundary
            decoding.discard(gpu)
        goes_on = begun < stretch.assignment.steps or boundary > until + EPSILON
        for at, id_ in enumerate(stretch.assignment.jobs):
            left = jobs[id_].steps_left - begun
            if left:
                after[id_] = Job(jobs[id_].request, left, jobs[id_].due, boundary, group, goes_on, jobs[id_].decode)
            else:
                del after[id_]
                done[id_] = boundary
                gpu = group.gpus[at % group.degree]
                free_at[gpu] += jobs[id_].decode
                if free_at[gpu] > max(until, boundary) + EPSILON:
                    decoding.add(gpu)
    left_behind = replace(
        round_, now=until, jobs=tuple(after.values()), free_at=tuple(free_at), decoding=tuple(sorted(decoding))
    )
    return FollowUp(left_behind, done, tuple(carried))


def to_the_end(
    round_: Round, assignments: Sequence[Assignment], solver: Solver, budget: float = 0.01
) -> tuple[dict[int, float], list[Carried]]:
    """Carry a plan out and let a solver go on, without new arrivals, until every job is done or beyond hope.

    Parameters
    ----------
    round_, assignments
        The instance, and what is done first.
    solver
        Makes all further decisions.
    budget
        Seconds of the processor for each of them.

    Returns
    -------
    done, carried
        When each finished job ended, by request id; and what ran when.
    """
    after = follow_up(round_, assignments)
    done, carried = dict(after.done), list(after.carried)
    for _ in range(_MOST):
        if all(map(after.round_.hopeless, after.round_.jobs)):
            break
        after = follow_up(after.round_, solver.solve(after.round_, budget).assignments)
        done |= after.done
        carried += after.carried
    return done, carried


def _stretch(round_: Round, jobs: Mapping[int, Job], assignment: Assignment) -> _Stretch:
    first = jobs[assignment.jobs[0]]
    seconds = round_.costs.batch_time(first.request.shape, assignment.group, len(assignment.jobs))
    members = [jobs[id_] for id_ in assignment.jobs]
    moving = moving_seconds(round_, members, assignment.group.degree, assignment.group)
    free_at = (round_.free_at[gpu] for gpu in assignment.group.gpus)
    begins = max(round_.now, *(job.ready for job in members), *free_at) + moving
    return _Stretch(assignment, begins, seconds, moving)


def _next_decision(round_: Round, stretches: Sequence[_Stretch]) -> float:
    horizon = round_.now + round_.cadence.tau
    if round_.cadence.kind == "rounds":
        return horizon
    named = {id_ for stretch in stretches for id_ in stretch.assignment.jobs}
    stopped = [job.ready for job in round_.jobs if job.running and job.request.id not in named]
    images = [round_.free_at[gpu] for gpu in round_.decoding]
    return min(
        [stretch.ends for stretch in stretches] + [at for at in stopped + images if at > round_.now + EPSILON],
        default=horizon,
    )
