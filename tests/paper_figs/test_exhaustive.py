"""The exhaustive search of table 6."""

from __future__ import annotations

from math import comb

import pytest

from paper_figs.figures.table6 import CHUNKS, divisions, exhaustive, instance


@pytest.mark.parametrize("parts", [1, 2, 3, 4])
def test_divisions_are_all_ways(parts: int) -> None:
    """Ten chunks among k degrees: C(10 + k - 1, k - 1) distinct ways, all of which add up."""
    found = divisions(parts)
    assert len(found) == len(set(found)) == comb(CHUNKS + parts - 1, parts - 1)
    assert all(sum(counts) == CHUNKS and min(counts) >= 0 for counts in found)


def test_search_tries_everything_and_finds_who_can_be_served() -> None:
    """On 4 GPUs, two requests have 66 plans each in two orders, and both can be on time."""
    tried, met, done = exhaustive(instance(4, 2, "flux1-dev_h100"), limit=30.0)
    assert (tried, met, done) == (66 * 66 * 2, 2, True)


def test_search_stops_at_its_limit() -> None:
    """Without time it gives up and says so."""
    assert not exhaustive(instance(8, 3, "flux1-dev_h100"), limit=0.0)[2]
