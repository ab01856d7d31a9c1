"""Who is on which GPUs."""

from __future__ import annotations

from executor.occupancy import Occupancy
from executor.stretch import Stretch
from planner.cluster import Cluster

CLUSTER = Cluster.nvlink(4)


def stretch(job: int, degree: int, at: int, *others: int) -> Stretch:
    """Make a segment of a step on a group."""
    return Stretch((job, *others), CLUSTER.groups(degree)[at], 0.0, 1, 1.0, 0.0, [], 0)


def test_a_segment_is_in_the_way_of_its_gpus_and_of_its_requests() -> None:
    """Tests who blocks a group, and a request that runs elsewhere, until they are released."""
    gpus, pair = Occupancy(4), stretch(1, 2, 0, 5)
    assert gpus.blockers((9,), CLUSTER.groups(4)[0]) == []
    gpus.occupy(pair)
    assert gpus.running == {1: pair, 5: pair}
    assert gpus.blockers((9,), CLUSTER.groups(4)[0]) == [pair, pair]
    assert gpus.blockers((5,), CLUSTER.groups(2)[1]) == [pair]
    assert gpus.blockers((9,), CLUSTER.groups(2)[1]) == []
    gpus.release(pair)
    assert pair.stopped and not gpus.running
    assert gpus.blockers((5,), CLUSTER.groups(4)[0]) == []


def test_who_waits_begins_when_nothing_is_in_the_way() -> None:
    """Tests that of two segments that wait for the same GPUs the first begins, and the other one goes on waiting."""
    gpus, first, second = Occupancy(4), stretch(1, 2, 0), stretch(2, 4, 0)
    gpus.waiting |= {1: first, 2: second}
    gpus.promote()
    assert gpus.running == {1: first} and gpus.waiting == {2: second}
    gpus.release(first)
    gpus.promote()
    assert gpus.running == {2: second} and not gpus.waiting


def test_what_waits_can_be_given_up() -> None:
    """Tests giving up all that wait, or what waits for one request alone, but no batch."""
    gpus, alone, batch = Occupancy(4), stretch(1, 1, 0), stretch(2, 1, 1, 3)
    gpus.waiting |= {1: alone, 2: batch}
    gpus.forget_waiting(2)
    gpus.forget_waiting(1)
    assert gpus.waiting == {2: batch} and (alone.stopped, batch.stopped) == (True, False)
    gpus.clear_waiting()
    assert batch.stopped and not gpus.waiting
