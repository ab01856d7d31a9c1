"""The largest load, or the fewest GPUs, at which a target holds: a search that asks for one measurement after the other."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from experiments.studies.grid import Spread

FIRST_SEEDS = 3
"""Seeds of a first look at a value; more are used where these do not tell."""
WIDEST = 2.0**8
"""How far from its start a search looks, as a factor."""
NEAR = 2.0 ** (1 / 8)
"""First stride, as a factor, from a start that is near the answer."""

Attained = Mapping[int, float]
"""By seed."""


@dataclass(frozen=True, slots=True)
class Look:
    """A search wants to know what is attained at a value, with the first ``seeds`` seeds."""

    value: float
    seeds: int


@dataclass(frozen=True, slots=True)
class Probe:
    """What is attained at a value: mean over seeds, and half the width of its 95 % interval."""

    value: float
    mean: float
    half_width: float
    seeds: int

    def holds(self, target: float) -> bool:
        """Say whether the target holds, by the mean."""
        return self.mean >= target

    def certain(self, target: float) -> bool:
        """Say whether the interval leaves the target on one side."""
        return abs(self.mean - target) > self.half_width


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a search found.

    Parameters
    ----------
    value
        The last value at which the target holds, by the mean over all seeds asked for; NaN if it holds nowhere.
    low, high
        It is within these, as far as the seeds tell: where the lower and the upper ends of the intervals of 95 % fall below
        the target, between the values that were measured; 0, or infinite, where they do nowhere.
    probes
        All that was measured, in order of the values.
    """

    value: float
    low: float
    high: float
    probes: tuple[Probe, ...]


Search = Generator[Look, Attained, Capacity]


def most(start: float, target: float, seeds: int, step: float, stride: float = 2.0) -> Search:
    """Search for the largest value at which a target holds that larger values make harder, to a factor of ``step``.

    Parameters
    ----------
    start
        Where to begin.
    target
        Least mean over seeds.
    seeds
        Most seeds for one value. Fewer are used where their interval leaves the target on one side; and a bracket is not
        narrowed below ``step``, nor beyond what all seeds can tell.
    step
        Ratio of the values between which the answer lies in the end, above 1.
    stride
        Ratio of the first two values; until the answer lies between two, each ratio is the square of the last, up to 2.

    Yields
    ------
    Ask
        To be answered with what is attained, by seed.
    """
    probes: dict[float, Probe] = {}
    value = start
    good, bad = 0.0, math.inf
    while True:
        probe = probes[value] = yield from _look(value, target, seeds)
        good, bad = (max(good, value), bad) if probe.holds(target) else (good, min(bad, value))
        if good == 0.0 or math.isinf(bad):
            value = value * stride if good else value / stride
            stride = min(2.0, stride**2)
            if max(value / start, start / value) > WIDEST:
                break
        elif bad / good <= step:
            break
        else:
            value = math.sqrt(good * bad)
    return _found(probes, target, good or math.nan, rising=False)


def fewest(start: int, target: float, seeds: int, allowed: Sequence[int]) -> Search:
    """Search for the least of some numbers at which a target holds that larger numbers make easier.

    Parameters
    ----------
    start
        Where to begin: the nearest of ``allowed``.
    target, seeds
        As of :func:`most`.
    allowed
        In ascending order.

    Yields
    ------
    Ask
        To be answered with what is attained, by seed.
    """
    probes: dict[float, Probe] = {}
    low, high = -1, len(allowed)
    at = min(range(len(allowed)), key=lambda i: abs(allowed[i] - start))
    width = 1
    while high - low > 1:
        probe = probes[allowed[at]] = yield from _look(allowed[at], target, seeds)
        low, high = (low, at) if probe.holds(target) else (at, high)
        if low < 0 or high == len(allowed):  # no bracket yet: further and further
            at = max(0, high - width) if low < 0 else min(len(allowed) - 1, low + width)
            width *= 2
        else:
            at = (low + high) // 2
    return _found(probes, target, allowed[high] if high < len(allowed) else math.nan, rising=True)


def _look(value: float, target: float, seeds: int) -> Generator[Look, Attained, Probe]:
    """Ask with few seeds, and with twice as many until they tell."""
    count = min(FIRST_SEEDS, seeds)
    while True:
        attained = yield Look(value, count)
        spread = Spread.of(attained.values())
        width = spread.half_width if count > 1 else math.inf
        probe = Probe(value, spread.mean, width, count)
        if count == seeds or (count > 1 and probe.certain(target)):
            return probe
        count = min(2 * count, seeds)


def _found(probes: Mapping[float, Probe], target: float, value: float, rising: bool) -> Capacity:
    ordered = sorted(probes.values(), key=lambda probe: probe.value)
    least = [(p.value, p.mean - p.half_width - target) for p in ordered]
    most = [(p.value, p.mean + p.half_width - target) for p in ordered]
    if rising:
        low = max((value for value, excess in most if excess < 0), default=0.0)
        high = min((value for value, excess in least if excess >= 0), default=math.inf)
    else:
        low, high = _crossing(least), _crossing(most)
    return Capacity(value, low, high, tuple(ordered))


def _crossing(excess: Sequence[tuple[float, float]]) -> float:
    """Return where a curve through points first falls below 0, on a logarithmic axis; 0 if it begins below, else infinity."""
    if excess[0][1] < 0:
        return 0.0
    for (left, above), (right, below) in pairwise(excess):
        if below < 0:
            if math.isinf(below):
                return left
            share = above / (above - below) if math.isfinite(above) else 0.0
            return math.exp(math.log(left) + share * (math.log(right) - math.log(left)))
    return math.inf
