"""Names of groups, how many are kept, which are made beforehand."""

from __future__ import annotations

import pytest

from executor.distributed.group_names import GroupNames, most_groups, warm_set
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


def test_another_limit() -> None:
    """Tests that a lower limit gives up the groups used longest ago, and no more, and that a higher one lets more come."""
    names = GroupNames(limit=3)
    a, b, c = (names.use((0, other))[0] for other in (1, 2, 3))
    other = names.use((4, 5))[0]
    names.use((0, 1))
    assert names.counts() == {0: 3, 1: 1, 2: 1, 3: 1, 4: 1, 5: 1}
    assert names.restrict(1) == [b, c]
    assert names.use((0, 1)) == (a, []) and names.use((4, 5)) == (other, [])
    assert names.restrict(2) == []
    assert names.use((0, 2))[1] == [] and names.use((0, 3))[1] == [a]
    with pytest.raises(ValueError, match=r"^limit is 0"):
        names.restrict(0)


def test_a_worker_alone_needs_no_group() -> None:
    """Tests that what a worker does alone counts towards no limit: it is given up for nothing, and nothing for it."""
    names = GroupNames(limit=1)
    pair, alone = names.use((0, 1))[0], names.use((0,))[0]
    assert names.use((0, 1)) == (pair, []) and names.use((0,)) == (alone, [])
    assert names.use((0, 2))[1] == [pair] and names.stands(alone)
    assert names.counts() == {0: 1, 2: 1}


def test_most_groups() -> None:
    """Tests that the groups of the worker that is in most of them are counted, single workers left out."""
    assert [most_groups(Cluster.nvlink(8)), most_groups(Cluster.nvlink(4, "all"))] == [3, 4]
    assert most_groups(Cluster.nvlink(1)) == 0


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
