"""Exhaustive search over real GPU groups: the truth that programs and solvers are held against."""

from __future__ import annotations

from planner.capacity import available_mask
from planner.programs.assignment import AssignmentModel
from planner.round import Round


def exhaustive(round_: Round, model: AssignmentModel) -> float:
    """Best value of a model, by trying every way to give disjoint free groups to jobs."""
    free = available_mask(round_)
    by_job: dict[int, list[tuple[int, float]]] = {}
    for option, gain in zip(model.options, model.linear.rewards, strict=True):
        groups = [option.group] if option.group is not None else round_.cluster.groups(option.degree)
        masks = [group.mask for group in groups if group.mask & free == group.mask]
        by_job.setdefault(option.job, []).extend((mask, float(gain)) for mask in masks)
    jobs = list(by_job.values())

    def best(index: int, used: int) -> float:
        if index == len(jobs):
            return 0.0
        value = best(index + 1, used)
        for mask, gain in jobs[index]:
            if not mask & used:
                value = max(value, gain + best(index + 1, used | mask))
        return value

    return best(0, 0)
