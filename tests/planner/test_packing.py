from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner import packing
from planner.packing import Item, pack

items = st.builds(Item, st.integers(1, 9), st.one_of(st.integers(-2, 4).map(float), st.floats(-1.0, 2.0)))
problems = st.lists(st.lists(items, max_size=3), max_size=5)
CHOOSERS = [pack, packing._pack_lists, packing._pack_arrays]


def best_value(jobs: list[list[Item]], gpus: int) -> float:
    """Best value by trying everything."""
    best = 0.0
    for picks in product(*(range(-1, len(job)) for job in jobs)):
        taken = [job[pick] for job, pick in zip(jobs, picks, strict=True) if pick >= 0]
        if sum(item.degree for item in taken) <= gpus:
            best = max(best, sum(item.value for item in taken))
    return best


@pytest.mark.parametrize("choose", CHOOSERS, ids=["pack", "lists", "arrays"])
@settings(max_examples=120)
@given(jobs=problems, gpus=st.integers(0, 12))
def test_finds_the_optimum(choose, jobs: list[list[Item]], gpus: int) -> None:  # type: ignore[no-untyped-def]
    """Tests both forms of the knapsack, and the shortcut before them, against exhaustive search."""
    picks = choose(jobs, gpus)
    assert len(picks) == len(jobs)
    taken = [job[pick] for job, pick in zip(jobs, picks, strict=True) if pick >= 0]
    assert sum(item.degree for item in taken) <= gpus
    assert sum(item.value for item in taken) == pytest.approx(best_value(jobs, gpus), abs=1e-9)


def test_options_wider_than_what_is_free() -> None:
    """Tests that on a large, busy cluster an option that needs more GPUs than are free is left out."""
    assert pack([[Item(64, 5.0), Item(32, 1.0)], [Item(8, 1.0)]], 40) == [1, 0]


def test_large_clusters_take_the_array_form() -> None:
    """Tests a case above the size at which arrays take over: of 5 jobs on 8 GPUs each, 4 fit into 36."""
    picks = pack([[Item(8, 1.0 + i)] for i in range(5)], 36)
    assert picks == [-1, 0, 0, 0, 0]


@pytest.mark.parametrize("choose", CHOOSERS, ids=["pack", "lists", "arrays"])
def test_a_trifle_decides(choose) -> None:  # type: ignore[no-untyped-def]
    """Tests that of two jobs for one GPU the one that is worth a millionth more gets it, whichever comes first."""
    assert choose([[Item(1, 1.0)], [Item(1, 1.0 + 1e-6)]], 1) == [-1, 0]
    assert choose([[Item(1, 1.0 + 1e-6)], [Item(1, 1.0)]], 1) == [0, -1]


def test_nothing_costs_nothing() -> None:
    """Tests that no jobs, jobs without options, and options that are worth less than nothing are left."""
    assert pack([], 8) == []
    assert pack([[], [Item(1, -0.5)]], 8) == [-1, -1]


def test_equal_values_take_fewer_gpus() -> None:
    """Tests that where everything fits a job takes the smaller of two equally good options."""
    assert pack([[Item(4, 1.0), Item(2, 1.0)]], 8) == [1]
