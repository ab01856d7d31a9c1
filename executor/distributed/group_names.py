"""Which process groups exist, as the controller decides it: names, a limit, which are made beforehand."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from typing import NamedTuple

from executor.distributed.budget import GROUPS
from planner.cluster import Cluster
from planner.errors import whole


class Named(NamedTuple):
    """A group under its present name.

    Parameters
    ----------
    name
        Never used twice; one that broke or was given up comes back under another.
    members
        Workers.
    """

    name: str
    members: tuple[int, ...]


class GroupNames:
    """Names of the groups in use, bounded per worker.

    A communicator takes memory on every member (0.5 to 0.7 GB with NCCL), so each worker keeps at most
    ``limit``; the group used longest ago goes first. All members learn of that from the controller, so that
    no two of them ever disagree on whether a name still stands.

    Parameters
    ----------
    limit
        Groups that one worker may be in, at least 1.
    on_end
        Called with each name that will not be used again.
    """

    def __init__(self, limit: int = GROUPS, on_end: Callable[[str], None] | None = None) -> None:
        whole("limit", limit)
        self._limit = limit
        self._on_end = on_end
        self._kept: OrderedDict[tuple[int, ...], Named] = OrderedDict()
        self._made = 0

    def __len__(self) -> int:
        return len(self._kept)

    def use(self, members: Sequence[int]) -> tuple[Named, list[Named]]:
        """Return the group of some workers, and the groups that its members must leave for it."""
        key = tuple(members)
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
            return found, []
        self._made += 1
        found = self._kept[key] = Named(f"{'-'.join(map(str, key))}.{self._made}", key)
        return found, self._give_up()

    def restrict(self, limit: int) -> list[Named]:
        """Set another limit, and return the groups that their members must leave for it."""
        whole("limit", limit)
        self._limit = limit
        return self._give_up()

    def counts(self) -> Counter[int]:
        """Return how many groups each worker is in, those that it forms alone left out: they have no communicator."""
        return Counter(member for group in self._kept for member in group if len(group) > 1)

    def stands(self, named: Named) -> bool:
        """Whether a group is still in use under this name."""
        return self._kept.get(named.members) == named

    def retire(self, members: Sequence[int]) -> Named | None:
        """Give up a group that broke; its members come together again under another name."""
        key = tuple(members)
        return self._end(key) if key in self._kept else None

    def retire_all_with(self, member: int) -> list[Named]:
        """Give up every group of a worker that died."""
        return [self._end(key) for key in list(self._kept) if member in key]

    def _give_up(self) -> list[Named]:
        counts = self.counts()
        given_up = []
        for key in list(self._kept):
            if len(key) > 1 and any(counts[member] > self._limit for member in key):
                counts.subtract(key)
                given_up.append(self._end(key))
        return given_up

    def _end(self, key: tuple[int, ...]) -> Named:
        named = self._kept.pop(key)
        if self._on_end is not None:
            self._on_end(named.name)
        return named


def warm_set(cluster: Cluster, limit: int) -> list[tuple[int, ...]]:
    """Return the groups that are worth making before the first request comes, small ones first.

    The blocks ``[m k, (m + 1) k)`` that are legal in the cluster: they are what plans use most. A block is
    left out where a member would be in more than ``limit`` groups. Single workers need no group.
    """
    counts: Counter[int] = Counter()
    chosen = []
    for group in cluster.all_groups:
        first = group.gpus[0]
        aligned = first % group.degree == 0 and group.gpus == tuple(range(first, first + group.degree))
        if group.degree > 1 and aligned and all(counts[member] < limit for member in group.gpus):
            counts.update(group.gpus)
            chosen.append(group.gpus)
    return chosen


def most_groups(cluster: Cluster) -> int:
    """Return how many groups of several members there are with the same worker, at most."""
    counts = Counter(gpu for group in cluster.all_groups if group.degree > 1 for gpu in group.gpus)
    return max(counts.values(), default=0)
