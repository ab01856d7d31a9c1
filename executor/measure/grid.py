"""What is measured: every combination of shape, group and batch."""

from __future__ import annotations

from dataclasses import dataclass

from planner.cluster import Cluster, Group
from profiles.shape import Shape


@dataclass(frozen=True)
class Grid:
    """What to measure.

    Parameters
    ----------
    shapes, batches
        All combinations, on one group for each degree and link class of the cluster.
    repeats, warmup
        Steps that count, and steps before them that do not.
    date
        ISO day, for provenance.

    Raises
    ------
    ValueError
        If a profile cannot be made of it.
    """

    shapes: tuple[Shape, ...]
    batches: tuple[int, ...] = (1,)
    repeats: int = 10
    warmup: int = 2
    date: str = "2026-01-01"

    def __post_init__(self) -> None:
        if 1 not in self.batches:
            raise ValueError(f"batches are {self.batches}; a profile needs batch 1")
        if self.repeats < 2 or self.warmup < 1:
            raise ValueError(f"repeats is {self.repeats}, warmup {self.warmup}; at least 2 and 1 are needed")


def groups_of(cluster: Cluster) -> list[Group]:
    """Return the first group of each degree and link class."""
    groups: dict[tuple[int, str], Group] = {}
    for group in cluster.all_groups:
        groups.setdefault((group.degree, group.link), group)
    return list(groups.values())


def points(cluster: Cluster, grid: Grid) -> list[tuple[Shape, Group, int]]:
    """Return every combination to measure: shape, group, batch."""
    groups = groups_of(cluster)
    return [(shape, group, batch) for shape in grid.shapes for group in groups for batch in grid.batches]
