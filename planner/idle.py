"""What to do with GPUs that a decision leaves idle: start jobs that wait, widen what runs, and serve late jobs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from planner.allocation import cheapest_mix
from planner.capacity import steps_within
from planner.elastic import Allows, scale_up
from planner.job import Job
from planner.placement import Choice, place
from planner.plan import Assignment
from planner.round import Round
from planner.timely import SLOW


def mask_of(assignments: Iterable[Assignment]) -> int:
    """Return the mask of all GPUs that assignments use."""
    mask = 0
    for assignment in assignments:
        mask |= assignment.group.mask
    return mask


def start_waiting(round_: Round, jobs: Sequence[Job], free: int, allows: Allows | None = None) -> list[Assignment]:
    """Start jobs that are still on time, least slack first, each at the slower degree of its cheapest mix.

    Where a step at that degree outlasts the round or costs the deadline, the job takes the next degree at which none
    does; where that many GPUs are not free, the largest useful degree that is. If a step at it is slow
    (:data:`planner.timely.SLOW`) or costs the deadline, the job waits; ``allows`` can refuse each of them.
    """
    if not free:
        return []
    started: list[Assignment] = []
    for job in sorted(jobs, key=lambda job: (round_.slack(job), job.request.id)):
        if not free:
            break
        costs = round_.costs.of(job.request.shape)
        begins = max(job.ready, round_.now) + (0.0 if job.group is None else round_.regroup_seconds)
        mix = cheapest_mix(costs, job.steps_left, job.due - begins)
        wanted = mix[0][0] if mix else costs.degrees[-1]
        fitting = [d for d in costs.degrees if d >= wanted and steps_within(round_, costs.step_time[d], 1)]
        enough = wanted if mix and len(mix) == 1 else costs.degrees[-1]
        for degree in (*fitting, *(d for d in reversed(costs.degrees) if d < wanted)):
            if degree < enough and costs.step_time[degree] > SLOW * costs.fastest:
                continue
            steps = steps_within(round_, costs.step_time[degree], job.steps_left)
            placed = place(round_, [Choice(job, degree, steps)], free) if steps else []
            if placed and (allows is None or allows(None, placed[0])):
                started += placed
                free &= ~placed[0].group.mask
                break
    return started


def best_effort(round_: Round, late: Sequence[Job], free: int, alone: bool, preserve: bool = True) -> list[Assignment]:
    """One GPU for each late job, or the fewest on which a step fits the round, in order of arrival.

    A step that fits no round runs only when nothing else does (``alone``).
    """
    capacity = free.bit_count()
    choices: list[Choice] = []
    for job in late:
        if not capacity:
            break
        costs = round_.costs.of(job.request.shape)
        for degree, seconds in zip(costs.degrees, costs.seconds, strict=True):
            steps = steps_within(round_, seconds, job.steps_left)
            if steps and degree <= capacity:
                choices.append(Choice(job, degree, steps))
                capacity -= degree
                break
    if not choices and alone and late:
        choices.append(Choice(late[0], round_.costs.of(late[0].request.shape).degrees[-1], 1))
    return place(round_, choices, free, preserve)


def use_idle(
    round_: Round,
    placed: list[Assignment],
    late: Sequence[Job],
    free: int,
    elastic: bool = True,
    preserve: bool = True,
    allows: Allows | None = None,
) -> list[Assignment]:
    """Widen what was placed into idle GPUs, then give late jobs what is left.

    Parameters
    ----------
    round_
        The instance.
    placed
        Assignments of jobs that are on time.
    late
        Jobs that cannot meet their deadline.
    free
        Mask of the GPUs that the round may use, those of ``placed`` among them.
    elastic
        Whether to widen.
    preserve
        Whether late jobs keep their GPUs where possible.
    allows
        Which assignments may be widened, and into what. Late jobs run in any case: each request is delivered.
    """
    if elastic:
        placed = scale_up(round_, placed, free & ~mask_of(placed), allows)
    if late and (free := free & ~mask_of(placed)):
        effort = best_effort(round_, late, free, not placed, preserve)
        if elastic:
            effort = scale_up(round_, effort, free & ~mask_of(effort), allows)
        placed = [*placed, *effort]
    return placed
