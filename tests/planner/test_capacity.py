from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.capacity import OVERRUN, available_mask, blocks_free, first_gpus, latest_start, steps_within
from planner.cluster import Cluster
from planner.round import Cadence, Round
from tests.strategies import EVENTS, ROUNDS, round_of, rounds


def test_events_may_use_every_gpu() -> None:
    """Tests that with cadence events GPUs in the middle of a step may be planned."""
    assert available_mask(round_of([], cadence=EVENTS, free_at=(9.0,) * 8)) == 0xFF


def test_rounds_may_use_what_is_free_at_the_boundary() -> None:
    """Tests that with cadence rounds a step that lasts on keeps its GPU, but a slight overrun does not."""
    limit = OVERRUN * ROUNDS.tau
    free_at = (0.0, limit, limit + 1e-6, 0.39, 0.0, 5.0, 0.0, -1.0)
    round_ = round_of([], free_at=free_at)
    assert latest_start(round_) == limit
    assert available_mask(round_) == 0b11010011


@pytest.mark.parametrize(
    ("cadence", "seconds", "left", "steps"),
    [
        (ROUNDS, 0.1, 50, 4),
        (ROUNDS, 0.4 / 3, 50, 3),
        (ROUNDS, 0.41, 50, 0),
        (ROUNDS, 0.1, 3, 3),
        (EVENTS, 0.41, 50, 1),
        (EVENTS, 0.1, 50, 4),
        (Cadence("rounds", 0.3), 0.1, 50, 3),
    ],
)
def test_steps_within(cadence: Cadence, seconds: float, left: int, steps: int) -> None:
    """Tests whole steps per round, exact multiples among them, and that events always allow one."""
    assert steps_within(round_of([], cadence=cadence), seconds, left) == steps


@given(rounds())
def test_free_blocks_are_counted(round_: Round) -> None:
    """Tests the count of free blocks per degree against their GPUs."""
    free = available_mask(round_)
    gpus = {gpu for gpu in range(round_.cluster.gpus) if free >> gpu & 1}
    counts = blocks_free(round_, free)
    assert set(counts) == set(round_.cluster.degrees)
    for degree, count in counts.items():
        assert count == sum(gpus.issuperset(group.gpus) for group in round_.cluster.groups(degree))


def test_blocks_do_not_add_up_across_a_hole() -> None:
    """Tests that 6 free GPUs around two busy ones hold one block of 4 and no two."""
    assert blocks_free(round_of([], Cluster.nvlink(8)), 0b11110110) == {1: 6, 2: 2, 4: 1, 8: 0}


@pytest.mark.parametrize("cluster", [Cluster.nvlink(8), Cluster.flat(14).offering((1, 3, 6))])
@given(free=st.integers(0, 2**14 - 1))
def test_first_gpus_are_those_of_the_blocks_that_lie_in_free(cluster: Cluster, free: int) -> None:
    """Tests blocks found on masks against all groups, one by one, also of sizes that leave GPUs over."""
    free &= cluster.full_mask
    for degree in cluster.degrees:
        blocks = [group.gpus[0] for group in cluster.groups(degree) if group.mask & free == group.mask]
        assert first_gpus(cluster, degree, free) == sum(1 << gpu for gpu in blocks)
