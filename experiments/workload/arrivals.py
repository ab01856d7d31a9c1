"""Arrival processes: when requests come.

Every process draws unit-rate gaps first and turns them into seconds afterwards. So with the same generator,
another rate only rescales the same arrivals (common random numbers), and a longer run begins with the shorter
one. Rates are requests per minute, as in the paper; times are seconds. The first request comes after one gap.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.float64]


class Arrivals(Protocol):
    """A point process on the time axis from 0 s."""

    @property
    def mean_rate(self) -> float:
        """Requests per minute in the long run."""
        ...

    def times(self, count: int, rng: np.random.Generator) -> Times:
        """Draw `count` arrival times in seconds, ascending, shape ``(count,)``."""
        ...


@dataclass(frozen=True, slots=True)
class Poisson:
    """Exponential gaps: the paper's arrivals.

    Parameters
    ----------
    rate
        Requests per minute, positive.
    """

    rate: float

    def __post_init__(self) -> None:
        _check_positive("Poisson", "rate", self.rate)

    @property
    def mean_rate(self) -> float:
        """Requests per minute in the long run."""
        return self.rate

    def times(self, count: int, rng: np.random.Generator) -> Times:
        """Draw `count` arrival times in seconds, ascending, shape ``(count,)``."""
        return _unit_times(count, 1.0, rng) * (60.0 / self.rate)


@dataclass(frozen=True, slots=True)
class Gamma:
    """Gamma-distributed gaps with a chosen coefficient of variation.

    The gaps have shape 1/cv^2 and mean 60/rate, so their coefficient of variation is exactly `cv`. 1 is
    Poisson, below 1 is more regular, above 1 burstier; production image traffic within an hour has 1.05
    (median) to 1.60 (90th percentile; Alibaba GenTD26).

    Parameters
    ----------
    rate
        Requests per minute, positive.
    cv
        Standard deviation of the gaps divided by their mean, from 0.01 to 100.
    """

    rate: float
    cv: float

    def __post_init__(self) -> None:
        _check_positive("Gamma", "rate", self.rate)
        _check_cv("Gamma", self.cv)

    @property
    def mean_rate(self) -> float:
        """Requests per minute in the long run."""
        return self.rate

    def times(self, count: int, rng: np.random.Generator) -> Times:
        """Draw `count` arrival times in seconds, ascending, shape ``(count,)``."""
        return _unit_times(count, self.cv, rng) * (60.0 / self.rate)


@dataclass(frozen=True, slots=True)
class Piecewise:
    """A rate that changes in pieces and repeats, such as bursts.

    Exact by time rescaling: a unit-rate process is mapped through the inverse of the cumulative rate, so
    within a piece the process is Poisson (or Gamma) at that piece's rate, and no arrival falls into a piece
    of rate 0.

    Parameters
    ----------
    pieces
        (seconds, requests per minute) in order, repeated cyclically. Durations are positive; rates may be 0,
        not all.
    cv
        Coefficient of variation of the unit-rate gaps, from 0.01 to 100; 1 is Poisson.

    Examples
    --------
    Twelve requests per minute, and sixty during the last ten seconds of every minute:

    >>> Piecewise(((50.0, 12.0), (10.0, 60.0))).mean_rate
    20.0
    """

    pieces: tuple[tuple[float, float], ...]
    cv: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "pieces", _as_pieces(self.pieces))
        if not self.pieces:
            raise ValueError("Piecewise: pieces is empty; at least one (seconds, requests per minute) is needed")
        for i, (duration, rate) in enumerate(self.pieces):
            _check_positive("Piecewise", f"duration of piece {i}", duration)
            if not (math.isfinite(rate) and rate >= 0):
                raise ValueError(f"Piecewise: rate of piece {i} is {rate}; a finite number >= 0 is needed")
        if not any(rate > 0 for _, rate in self.pieces):
            raise ValueError("Piecewise: every rate is 0; at least one piece needs a rate above 0")
        _check_cv("Piecewise", self.cv)

    @property
    def mean_rate(self) -> float:
        """Requests per minute in the long run."""
        return math.fsum(d * r for d, r in self.pieces) / math.fsum(d for d, _ in self.pieces)

    def times(self, count: int, rng: np.random.Generator) -> Times:
        """Draw `count` arrival times in seconds, ascending, shape ``(count,)``."""
        durations, rates = np.array(self.pieces, dtype=np.float64).T
        active = np.flatnonzero(rates > 0)
        ends = np.cumsum(durations)
        masses = np.cumsum(durations[active] * rates[active] / 60.0)
        units = _unit_times(count, self.cv, rng)
        cycles, within = np.divmod(units, masses[-1])
        piece = np.minimum(np.searchsorted(masses, within, side="right"), len(active) - 1)
        before = np.concatenate([[0.0], masses[:-1]])[piece]
        starts = (ends - durations)[active][piece]
        offsets = np.clip((within - before) * 60.0 / rates[active][piece], 0.0, durations[active][piece])
        # Rounding at a piece's edge can put two neighbours in the wrong order by one unit in the last place.
        return np.maximum.accumulate(cycles * ends[-1] + starts + offsets)


def _unit_times(count: int, cv: float, rng: np.random.Generator) -> Times:
    """Arrival times of a renewal process with mean gap 1."""
    if count < 1:
        raise ValueError(f"count is {count}; at least 1 request is needed")
    exponential = cv == 1.0
    gaps = rng.standard_exponential(count) if exponential else rng.standard_gamma(1.0 / cv**2, count) * cv**2
    return np.cumsum(gaps)


def _as_pieces(pieces: Sequence[Sequence[float]]) -> tuple[tuple[float, float], ...]:
    checked = []
    for i, piece in enumerate(pieces):
        if len(piece) != 2:
            raise ValueError(f"Piecewise: piece {i} is {piece!r}; a pair (seconds, requests per minute) is needed")
        checked.append((float(piece[0]), float(piece[1])))
    return tuple(checked)


def _check_positive(owner: str, field: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{owner}: {field} is {value}; a positive finite number is needed")


def _check_cv(owner: str, cv: float) -> None:
    if not 0.01 <= cv <= 100:
        raise ValueError(f"{owner}: cv is {cv}; a number from 0.01 to 100 is needed (1 is Poisson)")
