"""Step times as a scheduler needs them: per shape, over the groups that a cluster really has.

Built once per (profile, cluster) and looked up in every round, so that solvers never search a profile.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from planner.cluster import Cluster, Group
from profiles.profile import Profile, ProfileError
from profiles.shape import Shape


@dataclass(frozen=True, slots=True)
class ShapeCosts:
    """Step times of one shape at each degree, on the fastest link class that the cluster has for it.

    Parameters
    ----------
    degrees
        Degrees that are strictly faster than every smaller one, ascending.
    seconds
        Seconds per step at those degrees, strictly descending.
    step_time
        Seconds per step at every legal degree, useful or not.
    fastest
        The least seconds per step: ``seconds[-1]``.
    cheapest
        The least GPU-seconds per step.
    by_mask
        Seconds per step by group mask, for every legal group that the profile knows.
    preferred
        By how many of ``degrees`` are too slow for a job, from none to all: first those that are fast enough, the fewest
        GPU-seconds first, then the others, the fastest first.
    """

    degrees: tuple[int, ...]
    seconds: tuple[float, ...]
    step_time: dict[int, float]
    fastest: float
    cheapest: float
    by_mask: dict[int, float]
    preferred: tuple[tuple[int, ...], ...]


class _Shapes(dict[Shape, ShapeCosts]):
    """Costs by shape, built when they are first asked for: the most frequent look-up of all, so no call of Python."""

    def __init__(self, build: Callable[[Shape], ShapeCosts]) -> None:
        super().__init__()
        self._build = build

    def __missing__(self, shape: Shape) -> ShapeCosts:
        found = self[shape] = self._build(shape)
        return found


class Costs:
    """Step times of every shape over the groups of a cluster, computed on first use."""

    def __init__(self, profile: Profile, cluster: Cluster) -> None:
        self.profile = profile
        self.cluster = cluster
        self._shapes = _Shapes(self._build)
        self.of: Callable[[Shape], ShapeCosts] = self._shapes.__getitem__
        """Return the costs of a shape; raises :class:`profiles.ProfileError` if no group of the cluster has it."""

    def batch_time(self, shape: Shape, group: Group, batch: int) -> float:
        """Seconds per step of a batch of identical requests on a group."""
        if batch == 1:
            return self.of(shape).by_mask[group.mask]
        return self.profile.step_time(shape, group.degree, group.link, batch)

    def _build(self, shape: Shape) -> ShapeCosts:
        by_mask = {
            group.mask: self.profile.step_time(shape, group.degree, group.link)
            for group in self.cluster.all_groups
            if self.profile.has(shape, group.degree, group.link)
        }
        step_time: dict[int, float] = {}
        for degree in self.cluster.degrees:
            times = [by_mask[group.mask] for group in self.cluster.groups(degree) if group.mask in by_mask]
            if times:
                step_time[degree] = min(times)
        if not step_time:
            raise ProfileError(
                f"profile {self.profile.name!r} has no step time for {shape.label} on any group of cluster "
                f"{self.cluster.name!r} (links {', '.join(self.cluster.links)}); it has shapes "
                f"{', '.join(s.label for s in self.profile.shapes)} and links {', '.join(self.profile.links)}"
            )
        degrees: list[int] = []
        best = float("inf")
        for degree, seconds in step_time.items():
            if seconds < best:
                degrees.append(degree)
                best = seconds
        cheapest = min(degree * step_time[degree] for degree in degrees)
        useful = tuple(step_time[degree] for degree in degrees)
        preferred = tuple(
            (*sorted(degrees[slow:], key=lambda degree: degree * step_time[degree]), *reversed(degrees[:slow]))
            for slow in range(len(degrees) + 1)
        )
        return ShapeCosts(tuple(degrees), useful, step_time, best, cheapest, by_mask, preferred)


@lru_cache(maxsize=64)
def costs_of(profile: Profile, cluster: Cluster) -> Costs:
    """Return the (cached) costs of a profile on a cluster; both are compared by identity."""
    return Costs(profile, cluster)
