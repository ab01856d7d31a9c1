"""OR-Tools CP-SAT, for pure integer programs and, on a fine grid, for mixed ones (:mod:`planner.backends.cpsat_mixed`).

CP-SAT reasons on integers, so rewards are scaled by a power of two until their rounding is below 2**-40 of their sum;
rewards that are whole numbers (lexicographic objectives) are taken exactly. Under budgets of milliseconds presolve may
eat the whole budget and return nothing, so it is off, and the greedy plan goes in as a complete hint: then at least the
hint comes back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Literal

import numpy as np

from planner.backends.cpsat_mixed import grid, polish
from planner.backends.protocol import Answer, BackendError
from planner.outcomes import Floats, Ints
from planner.programs.linear import LinearProgram

_BITS = 45
_EXACT = 1e-6
"""Relative difference of bound and value at which a mixed program counts as solved; its grid is far finer."""
_DETERMINISTIC_PER_SECOND = 0.2
"""CP-SAT's deterministic time that passes in a second on the programs here, about; measured on two machines."""
_MIXED_SHARE = 0.4
"""Share of the budget that the grid's search gets; making the grid and the exact rest take the other part."""


@dataclass(frozen=True)
class CpSatBackend:
    """CP-SAT.

    Parameters
    ----------
    deterministic
        Count the budget in CP-SAT's deterministic time (one worker), so that equal rounds get equal answers on any
        machine; otherwise in wall-clock time.
    workers
        Threads, with ``deterministic`` off.
    presolve
        Whether to presolve; pays from budgets of about a second.
    """

    deterministic: bool = True
    workers: int = 1
    presolve: bool = False
    name: str = "cpsat"

    def __post_init__(self) -> None:
        # Imported here because that takes a second: before the first round, not in it.
        import ortools.sat.python.cp_model  # noqa: F401
        import scipy.optimize  # noqa: F401

    def solve(self, program: LinearProgram, budget: float) -> Answer:
        """Maximize within ``budget`` seconds."""
        from ortools.sat.python import cp_model

        began = perf_counter()
        if not program.integer.all():
            return self._mixed(program, budget)
        reach = np.maximum(np.abs(program.lower), np.abs(program.upper))
        rewards, scale = integral_rewards(program.rewards, reach)
        model = cp_model.CpModel()
        lower, upper = program.lower.astype(np.int64).tolist(), program.upper.astype(np.int64).tolist()
        variables = [
            model.new_bool_var("") if (lo, hi) == (0, 1) else model.new_int_var(lo, hi, "")
            for lo, hi in zip(lower, upper, strict=True)
        ]
        for row in range(program.rows):
            columns, coefficients = program.row(row)
            weights = _whole(coefficients, "a coefficient")
            capacity = math.floor(program.capacity[row] + 1e-9)
            chosen = [variables[column] for column in columns.tolist()]
            binary = all(lower[column] == 0 and upper[column] == 1 for column in columns.tolist())
            if capacity == 1 and binary and all(weight == 1 for weight in weights):
                model.add_at_most_one(chosen)
            elif chosen:
                model.add(cp_model.LinearExpr.weighted_sum(chosen, weights) <= capacity)
            elif capacity < 0:
                raise BackendError(f"row {row} has no entries but a capacity of {capacity}: the program is infeasible")
        model.maximize(cp_model.LinearExpr.weighted_sum(variables, rewards.tolist()))
        for variable, value in zip(variables, np.rint(program.start).astype(np.int64).tolist(), strict=True):
            model.add_hint(variable, value)
        solver = cp_model.CpSolver()
        parameters = solver.parameters
        parameters.cp_model_presolve = self.presolve
        parameters.catch_sigint_signal = False  # Ctrl-C belongs to the run, which keeps what was finished
        if self.deterministic:
            parameters.num_workers = 1
            parameters.max_deterministic_time = budget * _DETERMINISTIC_PER_SECOND
        else:
            parameters.num_workers = self.workers
            parameters.max_time_in_seconds = budget
        built = perf_counter()
        status = solver.solve(model)
        solved = perf_counter()
        if status == cp_model.MODEL_INVALID:
            raise BackendError(f"CP-SAT calls the model invalid: {model.validate()}")
        if status == cp_model.INFEASIBLE:
            raise BackendError("CP-SAT calls the program infeasible, but waiting is always possible")
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return Answer(None, None, "unknown", built - began, solved - built)
        x = np.array([solver.value(variable) for variable in variables], dtype=np.float64)
        slack = 0.0 if scale == 1.0 else 0.5 * float(reach.sum()) / scale
        bound = solver.best_objective_bound / scale + slack
        return Answer(x, bound, "optimal" if status == cp_model.OPTIMAL else "feasible", built - began, solved - built)

    def _mixed(self, program: LinearProgram, budget: float) -> Answer:
        """Choose the integers on the grid, then the rest exactly; the bound is that of the relaxed grid.

        Never presolved: on grids, presolve turns milliseconds into seconds.
        """
        began = perf_counter()
        relaxed, unit, loss = grid(program)
        built = perf_counter()
        answer = replace(self, presolve=False).solve(relaxed, _MIXED_SHARE * budget)
        bound = None if answer.bound is None else answer.bound + loss
        x = None if answer.x is None else polish(program, answer.x * unit)
        status: Literal["optimal", "feasible", "unknown"] = "feasible"
        if x is None and program.violation(program.start) <= _EXACT:
            x = program.start
        if x is None:
            status = "unknown"
        elif bound is not None:
            value = program.value(x)
            bound = max(bound, value)
            if answer.status == "optimal" and bound - value <= _EXACT * max(1.0, abs(bound)):
                status = "optimal"
        build = built - began + answer.build_seconds
        return Answer(x, bound, status, build, perf_counter() - began - build)


def integral_rewards(rewards: Floats, reach: Floats | float = 1.0) -> tuple[Ints, float]:
    """Scale rewards to integers; return them and the scale (1.0 when they were whole numbers already).

    Parameters
    ----------
    rewards
        Per variable.
    reach
        Largest absolute value of each variable.

    Raises
    ------
    BackendError
        If whole-number rewards sum to more than 2**53.
    """
    total = float((np.abs(rewards) * reach).sum())
    if total == 0.0:
        return np.zeros(len(rewards), dtype=np.int64), 1.0
    if np.array_equal(rewards, np.rint(rewards)):
        if total > 2.0**53:
            raise BackendError(f"the rewards sum to {total:.3g}; CP-SAT needs at most 2**53")
        return rewards.astype(np.int64), 1.0
    scale = 2.0 ** math.floor(_BITS - math.log2(total))
    return np.rint(rewards * scale).astype(np.int64), scale


def _whole(values: Floats, what: str) -> list[int]:
    rounded = np.rint(values)
    if not np.allclose(values, rounded, rtol=0, atol=1e-9):
        raise BackendError(f"CP-SAT takes whole numbers only; {what} is {values[np.argmax(np.abs(values - rounded))]}")
    return [int(value) for value in rounded]
