"""Names of groups, how many are kept, which are made beforehand."""

from __future__ import annotations

import pytest

from executor.distributed.group_names import GroupNames, warm_set
from planner.cluster import Cluster


def test_names_are_stable_and_never_reused() -> None:
    """Tests that a group keeps its name while it stands, and comes back under another after it broke."""
    names = GroupNames()
    first, given_up = names.use((0, 1))
    assert names.use((0, 1)) == (first, given_up) == (first, [])
    assert names.use((1, 0))[0].name != first.name
    assert names.retire((0, 1)) == first
    assert names.retire((0, 1)) is None
    assert names.use((0, 1))[0].name != first.name


def test_least_recently_used_goes() -> None:
    """Tests that a worker is never in more groups than the limit, and that only its own groups go."""
    names = GroupNames(limit=2)
    a, b = names.use((0, 1))[0], names.use((0, 2))[0]
    other = names.use((3, 4))[0]
    names.use((0, 1))
    assert names.use((0, 3))[1] == [b]
    assert names.use((0, 1)) == (a, [])
    assert names.use((3, 4)) == (other, [])
    assert len(names) == 3


def test_death_gives_up_all_groups_of_a_worker() -> None:
    """Tests that the groups of a dead worker go, and the others stay."""
    names = GroupNames()
    kept = names.use((1, 2))[0]
    lost = [names.use((0, 1))[0], names.use((0, 2))[0]]
    assert names.retire_all_with(0) == lost
    assert names.use((1, 2)) == (kept, [])


def test_limit() -> None:
    """Tests that a limit of zero is refused."""
    with pytest.raises(ValueError, match=r"^limit is 0"):
        GroupNames(0)


def test_warm_set() -> None:
    """Tests that aligned blocks are warmed, small ones first, without single workers, within the limit."""
    assert warm_set(Cluster.nvlink(8), 8) == [
        (0, 1), (2, 3), (4, 5), (6, 7), (0, 1, 2, 3), (4, 5, 6, 7), tuple(range(8)),
    ]  # fmt: skip
    assert warm_set(Cluster.nvlink(4, "all"), 8) == [(0, 1), (2, 3), (0, 1, 2, 3)]
    assert warm_set(Cluster.nvlink(4), 1) == [(0, 1), (2, 3)]
    assert warm_set(Cluster.nvlink(1), 8) == []
