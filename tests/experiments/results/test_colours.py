from __future__ import annotations

from executor.records import Records
from experiments.results.colours import colour_slots
from planner.request import Request
from profiles.shape import Shape


def test_requests_in_the_system_together_differ() -> None:
    """With as many colours as requests that overlap, no two of these share one."""
    requests = tuple(Request(i, Shape(256, 256), 1, float(i), i + 9.0) for i in range(30))
    records = Records(requests, {r.id: r.arrival + 2.5 for r in requests})
    slots = colour_slots(records, 3)
    assert all(slots[i] != slots[j] for i in range(30) for j in range(i + 1, min(i + 3, 30)))
    assert set(slots.values()) == {0, 1, 2}


def test_too_few_colours_are_used_evenly() -> None:
    """When nobody ever leaves, colours take turns."""
    requests = tuple(Request(i, Shape(256, 256), 1, float(i), i + 9.0) for i in range(6))
    assert list(colour_slots(Records(requests), 3).values()) == [0, 1, 2, 0, 1, 2]
