"""Which colour a request has: requests in the system together differ, as far as there are enough colours."""

from __future__ import annotations

import math

from executor.records import Records


def colour_slots(records: Records, colours: int) -> dict[int, int]:
    """Give every request the index of a colour.

    By arrival, each takes the colour that has been free longest; where all are taken, the one that frees up
    first. The result depends on the records alone.

    Parameters
    ----------
    records
        What happened.
    colours
        How many there are, at least 1.
    """
    free_from = [(-math.inf, slot) for slot in range(colours)]
    slots: dict[int, int] = {}
    for turn, request in enumerate(records.requests):
        slot = min(range(colours), key=free_from.__getitem__)
        slots[request.id] = slot
        left = records.delivered.get(request.id, records.dropped.get(request.id, math.inf))
        free_from[slot] = (max(left, request.arrival), turn)
    return slots
