"""Overrides that would have no effect since a later one, of the cell or of the policy, sets the same field."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.studies.grid import Cell, Policy


def refuse_hidden(grid: Sequence[Cell], policies: Sequence[Policy] = ()) -> None:
    """Refuse overrides of which nothing would be left, and names that stand for two things.

    Parameters
    ----------
    grid, policies
        Cells, and policies, whose overrides come after those of the cell.

    Raises
    ------
    ValueError
        With the override, and what sets the field; or with the names.
    """
    for what, names in (("cells", [cell.label for cell in grid]), ("policies", [policy.name for policy in policies])):
        if len(set(names)) < len(names):
            raise ValueError(f"the {what} are {', '.join(names)}; every name must occur once")
    by_policy = [{field_of(each) for each in policy.overrides} for policy in policies]
    for override in dict.fromkeys(each for cell in grid for each in cell.overrides):
        field = field_of(override)
        if policies and all(field in own for own in by_policy):
            raise ValueError(f"{override} has no effect: every policy sets {field}")
        if all(_later(override, cell) for cell in grid if override in cell.overrides):
            raise ValueError(f"{override} has no effect: every cell sets {field}")


def refuse_renamed(common: Sequence[str], declared: Sequence[Cell]) -> None:
    """Refuse overrides that make other cells than those that were declared; how many requests they have is free.

    Raises
    ------
    ValueError
        With the override, and a cell that sets its field.
    """
    for override in common:
        field = field_of(override)
        for cell in declared:
            if field != "workload.requests" and field in map(field_of, cell.overrides):
                raise ValueError(f"{override} would make another cell of {cell.label!r}, which sets {field} itself")


def field_of(override: str) -> str:
    """Return what an override gives a value to."""
    return override.lstrip("+").partition("=")[0]


def _later(override: str, cell: Cell) -> bool:
    """Whether another override of the same field comes later."""
    after = cell.overrides[cell.overrides.index(override) + 1 :]
    return field_of(override) in map(field_of, after)
