"""Deadline-aware GPU allocation: the cheapest mix of degrees that still meets a deadline (paper, section 4.2, stage 1)."""

from __future__ import annotations

from collections.abc import Sequence

from planner.costs import ShapeCosts
from planner.job import Job
from planner.round import EPSILON, Round
from planner.timely import SPARE

DegreeMix = tuple[tuple[int, int], ...]
"""Pairs (degree, steps) with the slower degree first; one or two of them."""


def cheapest_mix(costs: ShapeCosts, steps: int, seconds: float) -> DegreeMix | None:
    """Return the mix of at most two degrees with the least GPU-seconds that runs ``steps`` steps within ``seconds``.

    For two degrees a < b of which a is the cheaper per step, as many steps as possible go to a:
    ``s_a = floor((seconds - steps * T_b) / (T_a - T_b))``.

    Parameters
    ----------
    costs
        Step times of the job's shape.
    steps
        Steps left, at least 1.
    seconds
        Time until the last step must end.

    Returns
    -------
    Mix or None
        None when even the fastest degree is too slow.
    """
    degrees, times = costs.degrees, costs.seconds
    limit = seconds + EPSILON
    if steps * costs.fastest > limit:
        return None
    if steps * times[0] <= limit and degrees[0] * times[0] <= costs.cheapest:
        return ((degrees[0], steps),)
    best: DegreeMix | None = None
    best_cost = float("inf")
    count = len(degrees)
    for b in range(count):
        time_b = times[b]
        if steps * time_b > limit:
            continue
        price_b = degrees[b] * time_b
        if steps * price_b < best_cost:
            best, best_cost = ((degrees[b], steps),), steps * price_b
        for a in range(b):
            price_a = degrees[a] * times[a]
            if price_a >= price_b:
                continue
            slow = min(steps, int((limit - steps * time_b) / (times[a] - time_b)))
            cost = slow * price_a + (steps - slow) * price_b
            if slow and cost < best_cost - EPSILON:
                fast = steps - slow
                best = ((degrees[a], slow), (degrees[b], fast)) if fast else ((degrees[a], slow),)
                best_cost = cost
    return best


def needed_gpu_seconds(round_: Round, job: Job) -> float:
    """GPU-seconds that a job needs at least to be on time, or at its fastest degree if it is too late for that.

    Those of its image are among them, where GPUs of the cluster decode.
    """
    costs = round_.costs.of(job.request.shape)
    start = job.ready if job.ready > round_.now else round_.now
    mix = cheapest_mix(costs, job.steps_left, job.due - start) or ((costs.degrees[-1], job.steps_left),)
    return job.decode + sum(degree * steps * costs.step_time[degree] for degree, steps in mix)


def preferred_degrees(round_: Round, job: Job) -> Sequence[int]:
    """Return the degrees at which a job meets its deadline (:func:`degrees_in_time`), then the others, the fastest first."""
    costs = round_.costs.of(job.request.shape)
    if job.group is None or not round_.regroup_seconds:
        return costs.preferred[_too_slow(round_, job, costs)]
    making = degrees_in_time(round_, job)
    return [*making, *(degree for degree in reversed(costs.degrees) if degree not in making)]


def degrees_in_time(round_: Round, job: Job) -> list[int]:
    """Return the degrees at which a job meets its deadline, the fewest GPU-seconds first.

    Below its fastest, and other than the one at which it runs, with half a step to spare (:data:`planner.timely.SPARE`).

    At another degree than the one at which it runs it first loses the seconds of a move; one that has stopped loses them
    at any.
    """
    costs = round_.costs.of(job.request.shape)
    if job.group is None or not round_.regroup_seconds:
        slow = _too_slow(round_, job, costs)
        return list(costs.preferred[slow][: len(costs.degrees) - slow])
    seconds = job.due - (job.ready if job.ready > round_.now else round_.now) + EPSILON
    move = round_.regroup_seconds / job.steps_left
    own = job.group.degree if job.running else 0
    steps = {d: t + (move if d != own else 0.0) for d, t in zip(costs.degrees, costs.seconds, strict=True)}
    spare = {d: 0.0 if d in (own, costs.degrees[-1]) else SPARE for d in steps}
    making = [degree for degree, step in steps.items() if (job.steps_left + spare[degree]) * step <= seconds]
    making.sort(key=lambda degree: degree * steps[degree])
    return making


def _too_slow(round_: Round, job: Job, costs: ShapeCosts) -> int:
    """Count the degrees at which a job that loses nothing by a move is late."""
    seconds = job.due - (job.ready if job.ready > round_.now else round_.now) + EPSILON
    left, count = job.steps_left, 0
    own = job.group.degree if job.running and job.group is not None else 0
    for degree, step in zip(costs.degrees, costs.seconds, strict=True):
        if (left if degree == own else left + SPARE) * step <= seconds:
            return count
        count += 1
    return count - 1 if left * costs.fastest <= seconds else count
