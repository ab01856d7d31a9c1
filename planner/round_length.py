"""How long a round should last: whole steps must fit, arrivals should not wait long, and few images should end late.

A round costs a request two things. It waits for the next boundary, half a round on average; and on each of its rounds the
time that whole steps do not fill is lost. Both are counted at the fastest degree, as shares of the time that the request
is given, from step times that the planner believes: nothing here was fitted to what any planner attains.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

_SPARE = 1.0005
"""A round is so much longer than its steps, so that rounding and noise do not cost it one of them."""
_FEWEST_STEPS = 2
"""Steps of the slowest shape at least: shorter rounds would leave it nothing to decide."""
_MOST_STEPS = 8
"""And at most."""
WASTE = 0.1
"""Share of a round in which no step of a shape fits, above which a user should hear of it."""


class ShapeDemand(NamedTuple):
    """What requests of one shape are like.

    Parameters
    ----------
    step
        Seconds per step at the fastest degree.
    steps
        Of one request, on average.
    seconds
        From arrival to deadline, on average.
    share
        Of all requests.
    """

    step: float
    steps: float
    seconds: float
    share: float


def round_length(demands: Sequence[ShapeDemand]) -> float:
    """Return the best number of seconds: a multiple of some shape's step, and a trifle more.

    Parameters
    ----------
    demands
        One per shape, at least one.
    """
    slowest = max(demand.step for demand in demands)
    low, high = _FEWEST_STEPS * slowest, _MOST_STEPS * slowest
    lengths = {
        count * demand.step
        for demand in demands
        for count in range(math.ceil(low / demand.step - 1e-9), math.floor(high / demand.step + 1e-9) + 1)
    }
    return _SPARE * min(sorted(lengths), key=lambda tau: _cost(tau, demands))


def wasted(tau: float, step: float) -> float:
    """Share of a round that its whole steps do not fill; 1 where none fits."""
    return 1.0 - math.floor(tau / step + 1e-6) * step / tau


def _cost(tau: float, demands: Sequence[ShapeDemand]) -> float:
    """Mean share of the time given that a request waits for rounds, and loses in them."""
    total = 0.0
    for demand in demands:
        lost = tau / math.floor(tau / demand.step + 1e-6) - demand.step
        total += demand.share * (0.5 * tau + demand.steps * lost) / demand.seconds
    return total
