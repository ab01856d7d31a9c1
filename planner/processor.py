"""Time of the processor: what a decision costs, however busy the machine is."""

from __future__ import annotations

import resource
from time import process_time


def busy_seconds() -> float:
    """Return the processor's time of this process and of the ended processes that it started."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return process_time() + children.ru_utime + children.ru_stime
