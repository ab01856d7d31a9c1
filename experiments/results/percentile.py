"""The one definition of a percentile, in every table and summary."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that at least ``percent`` % of the values do not exceed; NaN of nothing.

    This is the nearest rank; a finite and an infinite latency cannot be interpolated.
    """
    return float(np.percentile(values, percent, method="inverted_cdf")) if len(values) else math.nan
