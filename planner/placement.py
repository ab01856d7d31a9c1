"""From degrees to concrete GPUs, keeping jobs where they are (paper, section 4.3, *placement preservation*).

On a laminar cluster (aligned blocks), degrees ``d_1 > d_2 > ...`` with counts ``n_d`` can be placed exactly when,
for each
``d``, ``sum over k >= d of n_k k / d`` is at most the number of free blocks of size d: blocks are handed out from
large to
small, and every block of size k takes k / d blocks of size d. Preservation therefore never costs a placement there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple

from planner.capacity import first_gpus
from planner.cluster import Group
from planner.job import Job
from planner.plan import Assignment
from planner.round import Round
from planner.timely import steps_in_time


class Choice(NamedTuple):
    """What a stage decided for a job: how many GPUs, for how many steps."""

    job: Job
    degree: int
    steps: int


_id, _degree = attrgetter("job.request.id"), attrgetter("degree")


def place(round_: Round, choices: Sequence[Choice], free: int, preserve: bool = True) -> list[Assignment]:
    """Give every choice a group inside ``free``; a choice that cannot be placed is left out.

    So is one whose steps would cost its job the deadline on the group that is there (:mod:`planner.timely`), and where
    only some of them would, the assignment has fewer.

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
    order = sorted(choices, key=_id)
    order.sort(key=_degree, reverse=True)
    placed: list[Assignment] = []
    waiting: list[Choice] = []
    degree = -1
    for choice in order:
        if choice.degree != degree:
            free = _place_level(round_, waiting, free, placed, order, preserve)
            waiting, degree = [], choice.degree
        held = choice.job.group
        if preserve and held is not None and held.degree == degree:
            mask = held.mask
            if mask & free == mask and (steps := _steps_on(round_, choice, held)):
                free ^= mask
                placed.append(Assignment((choice.job.request.id,), held, steps))
                continue
        waiting.append(choice)
    _place_level(round_, waiting, free, placed, order, preserve)
    return placed


def _place_level(
    round_: Round,
    waiting: Sequence[Choice],
    free: int,
    placed: list[Assignment],
    order: Sequence[Choice],
    preserve: bool,
) -> int:
    """Place choices of one degree whose own group is taken; return what is left free."""
    if not waiting:
        return free
    cluster = round_.cluster
    busy = _busy(round_) if preserve else 0
    if busy and len(waiting) > 1:
        waiting = sorted(waiting, key=lambda choice: _latest_start(round_, choice))
    if cluster.laminar and cluster.uniform:
        return _place_blocks(round_, waiting, free, placed, order, preserve, busy)
    degree = waiting[0].degree
    open_groups = {group.mask: group for group in cluster.groups(degree) if group.mask & free == group.mask}
    wanted = _wanted(order, degree) if preserve else 0
    if wanted or busy:
        by_want = sorted(open_groups.values(), key=lambda group: _cost(round_, group, wanted, busy))
        open_groups = {group.mask: group for group in by_want}
    for choice in waiting:
        times = round_.costs.of(choice.job.request.shape).by_mask
        held = choice.job.group if preserve else None
        if cluster.uniform:
            near = _near(held, open_groups) if held is not None else []
            group = near[0] if near else next(iter(open_groups.values()), None)
            if group is not None and group.mask not in times:
                continue
        else:
            known = [group for group in open_groups.values() if group.mask in times]
            own = held.mask if held is not None else 0
            group = min(known, key=lambda g: (times[g.mask], -(g.mask & own).bit_count()), default=None)
        steps = _steps_on(round_, choice, group) if group is not None else 0
        if group is not None and steps:
            del open_groups[group.mask]
            free &= ~group.mask
            placed.append(Assignment((choice.job.request.id,), group, steps))
            if not cluster.laminar:
                open_groups = {mask: other for mask, other in open_groups.items() if mask & free == mask}
    return free


def _place_blocks(
    round_: Round,
    waiting: Sequence[Choice],
    free: int,
    placed: list[Assignment],
    order: Sequence[Choice],
    preserve: bool,
    busy: int,
) -> int:
    """Do so where groups are aligned blocks and all alike, without a list of those that are open."""
    degree = waiting[0].degree
    groups = round_.cluster.groups(degree)
    wanted: int | None = None
    for choice in waiting:
        held = choice.job.group if preserve else None
        group = _block_near(groups, held, degree, free) if held is not None else None
        if group is None:
            if wanted is None:
                wanted = _wanted(order, degree) if preserve else 0
            group = _least_wanted(round_, degree, free, wanted, busy)
        if group is None or group.mask not in round_.costs.of(choice.job.request.shape).by_mask:
            continue
        steps = _steps_on(round_, choice, group)
        if steps:
            free &= ~group.mask
            placed.append(Assignment((choice.job.request.id,), group, steps))
    return free


def _busy(round_: Round) -> int:
    """Mask of the GPUs that are in a step, or make an image; none on the grid of ``rounds``, which waits for all."""
    if round_.cadence.on_grid:
        return 0
    return sum(1 << gpu for gpu, at in enumerate(round_.free_at) if at > round_.now)


def _latest_start(round_: Round, choice: Choice) -> float:
    """Return when a choice must go on to be in time at its degree: the most urgent choose first where some GPUs are busy."""
    seconds = round_.costs.of(choice.job.request.shape).step_time[choice.degree]
    return choice.job.due - choice.job.steps_left * seconds


def _wanted(order: Sequence[Choice], degree: int) -> int:
    """Mask of the GPUs that hold latents of choices of a smaller degree, which are placed later."""
    wanted = 0
    for other in order:
        if other.degree < degree and other.job.group is not None:
            wanted |= other.job.group.mask
    return wanted


def _block_near(groups: Sequence[Group], held: Group, degree: int, free: int) -> Group | None:
    """Return the first free block that overlaps the GPUs that a job holds."""
    for at in range(held.gpus[0] // degree, held.gpus[-1] // degree + 1):
        if at < len(groups) and groups[at].mask & free == groups[at].mask:
            return groups[at]
    return None


def _least_wanted(round_: Round, degree: int, free: int, wanted: int, busy: int) -> Group | None:
    """Return the free block with the fewest GPUs that others want, of those the one that is free first."""
    groups = round_.cluster.groups(degree)
    idle = first_gpus(round_.cluster, degree, free & ~wanted & ~busy)
    if idle:
        return groups[_lowest(idle) // degree]
    best, least = None, (degree + 1, 0.0)
    open_ = first_gpus(round_.cluster, degree, free & ~wanted) or first_gpus(round_.cluster, degree, free)
    while open_:
        group = groups[_lowest(open_) // degree]
        cost = _cost(round_, group, wanted, busy)
        if cost < least:
            best, least = group, cost
        open_ &= open_ - 1
    return best


def _cost(round_: Round, group: Group, wanted: int, busy: int) -> tuple[int, float]:
    """Return what beginning on a group costs: how many of its GPUs others want, and when the last of them is free."""
    waits = max(round_.free_at[gpu] for gpu in group.gpus) if group.mask & busy else round_.now
    return (group.mask & wanted).bit_count(), waits


def _lowest(mask: int) -> int:
    """Position of the lowest bit."""
    return (mask & -mask).bit_length() - 1


def _steps_on(round_: Round, choice: Choice, group: Group) -> int:
    """Return how many of a choice's steps may be run on a group."""
    job, _, steps = choice
    seconds = round_.costs.of(job.request.shape).by_mask[group.mask]
    return steps_in_time(round_, job, seconds, steps, 0.0 if group is job.group else round_.move_seconds(job, group))


def _near(held: Group, open_groups: Mapping[int, Group]) -> list[Group]:
    """Open groups that overlap the GPUs that a job holds, those that overlap most first."""
    near = [group for mask, group in open_groups.items() if mask & held.mask]
    return sorted(near, key=lambda group: -(group.mask & held.mask).bit_count())
