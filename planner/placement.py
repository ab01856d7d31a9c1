"""From degrees to concrete GPUs, keeping jobs where they are (paper, section 4.3, *placement preservation*).

On a laminar cluster (aligned blocks), degrees ``d_1 > d_2 > ...`` with counts ``n_d`` can be placed exactly when, for each
``d``, ``sum over k >= d of n_k k / d`` is at most the number of free blocks of size d: blocks are handed out from large to
small, and every block of size k takes k / d blocks of size d. Preservation therefore never costs a placement there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from planner.cluster import Group
from planner.job import Job
from planner.plan import Assignment
from planner.round import Round


class Choice(NamedTuple):
    """What a stage decided for a job: how many GPUs, for how many steps."""

    job: Job
    degree: int
    steps: int


def place(round_: Round, choices: Sequence[Choice], free: int, preserve: bool = True) -> list[Assignment]:
    """Give every choice a group inside ``free``; a choice that cannot be placed is left out.

    Parameters
    ----------
    round_
        The instance.
    choices
        At most one per job.
    free
        Mask of the GPUs that may be used.
    preserve
        Prefer the group that a job holds, then groups that overlap it. Without it, the first free group is taken.
    """
    order = sorted(choices, key=_large_first)
    placed: list[Assignment] = []
    waiting: list[Choice] = []
    degree = -1
    for choice in order:
        if choice.degree != degree:
            free = _place_level(round_, waiting, free, placed, order, preserve)
            waiting, degree = [], choice.degree
        held = choice.job.group
        if preserve and held is not None and held.degree == degree and held.mask & free == held.mask:
            free &= ~held.mask
            placed.append(Assignment((choice.job.request.id,), held, choice.steps))
        else:
            waiting.append(choice)
    _place_level(round_, waiting, free, placed, order, preserve)
    return placed


def _large_first(choice: Choice) -> tuple[int, int]:
    return -choice.degree, choice.job.request.id


def _place_level(
    round_: Round, waiting: Sequence[Choice], free: int, placed: list[Assignment], order: Sequence[Choice], preserve: bool
) -> int:
    """Place choices of one degree whose own group is taken; return what is left free."""
    if not waiting:
        return free
    wanted = 0
    if preserve:
        for other in order:
            if other.degree < waiting[0].degree and other.job.group is not None:
                wanted |= other.job.group.mask
    for choice in waiting:
        times = round_.costs.of(choice.job.request.shape).by_mask
        own = choice.job.group.mask if preserve and choice.job.group is not None else 0
        best: Group | None = None
        best_score: tuple[float, int, int] | None = None
        for group in round_.cluster.groups(choice.degree):
            mask = group.mask
            if mask & free != mask or mask not in times:
                continue
            if not preserve:
                best = group
                break
            score = (times[mask], -(mask & own).bit_count(), (mask & wanted & ~own).bit_count())
            if best_score is None or score < best_score:
                best, best_score = group, score
        if best is not None:
            free &= ~best.mask
            placed.append(Assignment((choice.job.request.id,), best, choice.steps))
    return free
