"""Programs with continuous variables for CP-SAT: whole multiples of a small unit, with a bound that stays sound.

Rounding every variable of a feasible point to the grid moves each row by at most half a unit times the sum of its
coefficients. CP-SAT therefore gets every capacity enlarged by that much (and by the rounding of the coefficients): no
point of the program is lost, and what CP-SAT proves of the relaxed grid, plus the rounding of the objective, bounds the
program. The integer part of its answer is kept; the continuous part is then found again exactly, by a linear program.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from planner.backends.highs import load
from planner.backends.protocol import BackendError
from planner.effort import HIGHS_ITERATION
from planner.outcomes import Floats
from planner.programs.linear import LinearProgram

_UNIT = 2.0**-16
_ROW_BITS = 46
_LARGEST = 2.0**40


def grid(program: LinearProgram) -> tuple[LinearProgram, Floats, float]:
    """Return a pure integer relaxation, the size of a unit of each variable, and what rounding may cost the objective.

    Raises
    ------
    BackendError
        If a continuous variable has no bounds, or bounds too wide for the grid.
    """
    width = np.maximum(np.abs(program.lower), np.abs(program.upper))
    wide = ~program.integer & ~(width <= _LARGEST * _UNIT)
    if wide.any():
        at = int(np.argmax(wide))
        raise BackendError(
            "CP-SAT needs bounded variables; "
            f"variable {at} is continuous from {program.lower[at]} to {program.upper[at]}"
        )
    unit = np.where(program.integer, 1.0, _UNIT)
    half = np.where(program.integer, 0.0, 0.5 * _UNIT)
    lower = np.where(program.integer, np.ceil(program.lower - 1e-9), np.floor(program.lower / unit))
    upper = np.where(program.integer, np.floor(program.upper + 1e-9), np.ceil(program.upper / unit))
    reach = np.maximum(np.abs(lower), np.abs(upper))
    coefficients = np.empty_like(program.coefficients)
    capacity = np.empty_like(program.capacity)
    for row in range(program.rows):
        part = slice(int(program.row_starts[row]), int(program.row_starts[row + 1]))
        columns = program.columns[part]
        exact = program.coefficients[part] * unit[columns]
        largest = float((np.abs(exact) * reach[columns]).max(initial=0.0))
        if not largest:
            coefficients[part] = 0.0
            capacity[row] = math.floor(program.capacity[row] + 1e-9)
            continue
        scale = 2.0 ** (_ROW_BITS - math.floor(math.log2(largest)))
        scaled = exact * scale
        coefficients[part] = np.rint(scaled)
        moved = float(np.abs(program.coefficients[part]) @ half[columns])
        rounded = float(np.abs(scaled - coefficients[part]) @ reach[columns])
        capacity[row] = math.floor((program.capacity[row] + moved) * scale + rounded + 1e-6)
    relaxed = LinearProgram(
        rewards=program.rewards * unit,
        row_starts=program.row_starts,
        columns=program.columns,
        coefficients=coefficients,
        capacity=capacity,
        lower=lower,
        upper=upper,
        integer=np.ones(program.size, dtype=np.bool_),
        start=np.clip(np.rint(program.start / unit), lower, upper),
    )
    return relaxed, unit, float(np.abs(program.rewards) @ half)


def polish(program: LinearProgram, x: Floats, budget: float) -> Floats | None:
    """Return the best point with the integer part of ``x``, by a linear program; None if none is found.

    ``budget`` is in seconds, of which its simplex iterations are counted (:mod:`planner.effort`). If they do not
    suffice, the start stands, should it have the same integer part.
    """
    import highspy

    whole = np.clip(np.rint(x), program.lower, program.upper)
    lower = np.where(program.integer, whole, program.lower)
    upper = np.where(program.integer, whole, program.upper)
    highs = load(replace(program, lower=lower, upper=upper), np.zeros(program.size, dtype=np.bool_))
    iterations = max(1, int(budget / HIGHS_ITERATION(program.entries)))
    highs.setOptionValue("simplex_iteration_limit", min(iterations, 2**31 - 1))
    highs.run()
    if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        same = np.array_equal(whole[program.integer], np.rint(program.start)[program.integer])
        return program.start if same else None
    return np.array(highs.getSolution().col_value, dtype=np.float64)
