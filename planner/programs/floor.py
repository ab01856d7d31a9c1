"""One more variable in a linear program: z, at most the share of every class, times a whole number.

    z <= sum over the variables that serve a job of class c of (unit / size of c)       for every class c
    maximize ... + (weight / unit) z

The unit is a common multiple of the sizes, so that z is whole wherever the other variables are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from planner.programs.linear import LinearProgram

_LARGEST_UNIT = 1 << 20


class Class(NamedTuple):
    """A class of jobs: how many, how many are served when all variables are zero, and what each variable adds."""

    size: int
    served: int
    columns: tuple[int, ...]
    adds: tuple[float, ...]


def with_floor(program: LinearProgram, classes: Sequence[Class], weight: float, whole: bool) -> LinearProgram:
    """Append z as the last variable.

    Parameters
    ----------
    program
        A program without it.
    classes
        At least one; without classes the program is returned as it is.
    weight
        What z = unit is worth.
    whole
        Whether z is an integer, where the unit is small enough; otherwise it is continuous.
    """
    if not classes:
        return program
    unit = math.lcm(*(kind.size for kind in classes))
    exact = unit <= _LARGEST_UNIT
    if not exact:
        unit = _LARGEST_UNIT
    at = program.size
    columns, coefficients, capacity, lengths, least = [], [], [], [], float(unit)
    for kind in classes:
        worth = unit / kind.size
        used = [(column, -worth * add) for column, add in zip(kind.columns, kind.adds, strict=True) if add]
        columns += [column for column, _ in used] + [at]
        coefficients += [value for _, value in used] + [1.0]
        lengths.append(len(used) + 1)
        capacity.append(worth * kind.served)
        least = min(least, capacity[-1] - sum(value * program.start[column] for column, value in used))
    ends = program.row_starts[-1] + np.cumsum(lengths)
    start = max(0.0, round(least) if exact else math.floor(least))
    return replace(
        program,
        rewards=np.append(program.rewards, weight / unit),
        row_starts=np.concatenate([program.row_starts, ends]).astype(np.int64),
        columns=np.concatenate([program.columns, np.array(columns, dtype=np.int64)]),
        coefficients=np.concatenate([program.coefficients, coefficients]),
        capacity=np.concatenate([program.capacity, capacity]),
        lower=np.append(program.lower, 0.0),
        upper=np.append(program.upper, float(unit)),
        integer=np.append(program.integer, whole and exact),
        start=np.append(program.start, start),
    )
