"""Degrees that a list schedule begins with where several groups of the largest size lie side by side.

A list schedule counts GPUs, and those that are left go to whoever gains most. On groups, jobs then change their places for
them at every event. So the degrees that jobs need are taken, where widened in place they use as many GPUs as the list's own,
and where everybody is admitted in any case: GPUs that then idle between neighbours are no loss.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from planner.capacity import available_mask
from planner.elastic import scale_up
from planner.idle import mask_of
from planner.job import Job
from planner.placement import Choice, place
from planner.programs.intervals import Task
from planner.programs.lists import allot
from planner.round import Round


def first_degrees(
    round_: Round, jobs: Sequence[Job], tasks: Sequence[Task], listed: Mapping[int, int], everybody: bool = False
) -> Mapping[int, int]:
    """Return the degrees to begin with, by position.

    Parameters
    ----------
    round_
        The instance.
    jobs, tasks
        Those to serve, once as jobs and once as tasks.
    listed
        Degrees of those that a list schedule runs first, by position.
    everybody
        Whether idle GPUs are no loss.
    """
    if not listed or round_.cluster.gpus <= max(round_.cluster.degrees):
        return listed
    order = sorted(range(len(tasks)), key=lambda at: (tasks[at].due, at))
    left = [float(task.steps) for task in tasks]
    needed = allot(tasks, left, order, round_.now, round_.cluster.gpus - len(round_.decoding), widen=False)
    if everybody or needed == listed or _used(round_, jobs, needed) >= _used(round_, jobs, listed):
        return needed
    return listed


def _used(round_: Round, jobs: Sequence[Job], degrees: Mapping[int, int]) -> int:
    """Count the GPUs that jobs at some degrees use, widened where they are."""
    free = available_mask(round_)
    choices = [Choice(jobs[at], degree, jobs[at].steps_left) for at, degree in degrees.items()]
    placed = place(round_, choices, free)
    return mask_of(scale_up(round_, placed, free & ~mask_of(placed))).bit_count()
