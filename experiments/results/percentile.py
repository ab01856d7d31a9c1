"""The one definition of a percentile of a run."""

from __future__ import annotations

import math
from collections.abc import Sequence


def percentile(ascending: Sequence[float], percent: int) -> float:
    """Return the smallest value that at least ``percent`` % of the values do not exceed; NaN of nothing.

    This is the nearest rank; a finite and an infinite latency cannot be interpolated.
    """
    if not ascending:
        return math.nan
    return ascending[max(0, -(-percent * len(ascending) // 100) - 1)]
