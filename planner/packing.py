"""Request packing: the paper's group knapsack by dynamic programming (section 4.2, stage 2).

Each job takes at most one of its options; the GPUs of the chosen options sum to at most N; the total value is maximal.
``best[g]`` is the best value with at most g GPUs; jobs are added one at a time: O(options * N).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

_SMALL = 32


class Item(NamedTuple):
    """An option of a job: GPUs it takes (at least 1) and what it is worth beyond taking none."""

    degree: int
    value: float


def pack(jobs: Sequence[Sequence[Item]], gpus: int) -> list[int]:
    """Choose at most one item for every job so that the degrees sum to at most ``gpus`` and the value is maximal.

    Returns
    -------
    list of int
        Per job the index of its item, or -1.
    """
    favourites, needed, gains = [], 0, True
    for items in jobs:
        best = 0 if items else -1
        for i in range(1, len(items)):
            if (items[i].value, -items[i].degree) > (items[best].value, -items[best].degree):
                best = i
        favourites.append(best)
        if items:
            needed += items[best].degree
            gains = gains and items[best].value >= 0
    if gains and needed <= gpus:
        return favourites
    choose = _pack_lists if gpus <= _SMALL else _pack_arrays
    return choose(jobs, gpus)


def _pack_lists(jobs: Sequence[Sequence[Item]], gpus: int) -> list[int]:
    best = [0.0] * (gpus + 1)
    picks: list[list[int]] = []
    for items in jobs:
        new = best[:]
        pick = [-1] * (gpus + 1)
        for index, (degree, value) in enumerate(items):
            for g in range(degree, gpus + 1):
                candidate = best[g - degree] + value
                if candidate > new[g]:
                    new[g] = candidate
                    pick[g] = index
        best = new
        picks.append(pick)
    return _trace(jobs, picks, gpus)


def _pack_arrays(jobs: Sequence[Sequence[Item]], gpus: int) -> list[int]:
    best = np.zeros(gpus + 1)
    picks: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = []
    for items in jobs:
        new = best.copy()
        pick = np.full(gpus + 1, -1)
        for index, (degree, value) in enumerate(items):
            if degree > gpus:
                continue
            candidate = best[: gpus + 1 - degree] + value
            better = candidate > new[degree:]
            new[degree:][better] = candidate[better]
            pick[degree:][better] = index
        best = new
        picks.append(pick)
    return _trace(jobs, picks, gpus)


def _trace(
    jobs: Sequence[Sequence[Item]],
    picks: Sequence[Sequence[int]] | Sequence[np.ndarray[tuple[int], np.dtype[np.int64]]],
    gpus: int,
) -> list[int]:
    chosen = [-1] * len(jobs)
    left = gpus
    for job in range(len(jobs) - 1, -1, -1):
        index = int(picks[job][left])
        chosen[job] = index
        if index >= 0:
            left -= jobs[job][index].degree
    return chosen
