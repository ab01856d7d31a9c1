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
from typing import Any, Literal

import numpy as np

from planner.backends.cpsat_mixed import grid, polish
from planner.backends.protocol import BackendError, Solution
from planner.effort import CPSAT_DETERMINISTIC, CPSAT_GRID, CPSAT_GRID_DETERMINISTIC, CPSAT_LOAD, Cost, Size, emergency
from planner.errors import whole
from planner.outcomes import Floats, Ints
from planner.programs.linear import LinearProgram

_BITS = 45
_EXACT = 1e-6
"""Relative difference of bound and value at which a mixed program counts as solved; its grid is far finer."""
_MIXED_SHARE = 0.6
"""Share of what making the grid leaves of the budget that the grid's search gets; the exact rest gets the other part."""
_UNLIMITED = -(2**62)


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
        whole("workers", self.workers)
        # Imported here because that takes a second: before the first round, not in it.
        import highspy  # noqa: F401
        import ortools.sat.python.cp_model  # noqa: F401

    def least(self, size: Size) -> Cost:
        """Return the least work on a program: the model is made and taken; a mixed one is put on the grid besides."""
        if not size.mixed:
            return CPSAT_LOAD
        return Cost(CPSAT_LOAD.fixed + CPSAT_GRID.fixed, CPSAT_LOAD.per_entry + CPSAT_GRID.per_entry)

    def solve(self, program: LinearProgram, budget: float) -> Solution:
        """Maximize within ``budget`` seconds."""
        if not program.integer.all():
            return self._mixed(program, budget)
        return self._pure(program, budget, CPSAT_DETERMINISTIC)

    def _pure(self, program: LinearProgram, budget: float, pace: float) -> Solution:
        """Solve a program of integers, of whose budget a second is ``pace`` of deterministic time."""
        from ortools.sat.python import cp_model

        began = perf_counter()
        reach = np.maximum(np.abs(program.lower), np.abs(program.upper))
        rewards, scale = integral_rewards(program.rewards, reach)
        model = _model(program, rewards)
        solver = cp_model.CpSolver()
        parameters = solver.parameters
        parameters.cp_model_presolve = self.presolve
        parameters.catch_sigint_signal = False  # Ctrl-C belongs to the run, which keeps what was finished
        if self.deterministic:
            left = budget - CPSAT_LOAD(program.entries)
            parameters.num_workers = 1
            parameters.max_deterministic_time = max(left, 1e-6) * pace
            parameters.max_time_in_seconds = emergency(budget)
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
            return Solution(None, None, "unknown", built - began, solved - built)
        x = np.array(solver.response_proto.solution, dtype=np.float64)
        slack = 0.0 if scale == 1.0 else 0.5 * float(reach.sum()) / scale
        bound = solver.best_objective_bound / scale + slack
        return Solution(
            x, bound, "optimal" if status == cp_model.OPTIMAL else "feasible", built - began, solved - built
        )

    def _mixed(self, program: LinearProgram, budget: float) -> Solution:
        """Choose the integers on the grid, then the rest exactly; the bound is that of the relaxed grid.

        Never presolved: on grids, presolve turns milliseconds into seconds.
        """
        began = perf_counter()
        relaxed, unit, loss = grid(program)
        built = perf_counter()
        loading = CPSAT_LOAD(program.entries)
        left = max(0.0, budget - CPSAT_GRID(program.entries) - loading)
        answer = replace(self, presolve=False)._pure(relaxed, loading + _MIXED_SHARE * left, CPSAT_GRID_DETERMINISTIC)
        bound = None if answer.bound is None else answer.bound + loss
        polishing = (1.0 - _MIXED_SHARE) * left
        x = None if answer.x is None else polish(program, answer.x * unit, polishing)
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
        return Solution(x, bound, status, build, perf_counter() - began - build)


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


def _model(program: LinearProgram, rewards: Ints) -> Any:
    """Make the model entry by entry: the modelling layer takes three times as long.

    Raises
    ------
    BackendError
        If a coefficient is no whole number, or a row without entries cannot hold.
    """
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    proto = model.proto
    lower, upper = program.lower.astype(np.int64).tolist(), program.upper.astype(np.int64).tolist()
    for lo, hi in zip(lower, upper, strict=True):
        proto.variables.add().domain.extend([lo, hi])
    weights = _whole(program.coefficients, "a coefficient")
    columns = program.columns.tolist()
    capacity = np.floor(program.capacity + 1e-9).astype(np.int64).tolist()
    binary = (program.lower == 0) & (program.upper == 1)
    plain = (program.coefficients == 1.0) & binary[program.columns]
    starts = program.row_starts.tolist()
    others = np.r_[0, np.cumsum(~plain)]
    exclusive = (others[program.row_starts[1:]] == others[program.row_starts[:-1]]).tolist()
    for row, most in enumerate(capacity):
        first, last = starts[row], starts[row + 1]
        if first == last:
            if most < 0:
                raise BackendError(f"row {row} has no entries but a capacity of {most}: the program is infeasible")
        elif most == 1 and exclusive[row]:
            proto.constraints.add().at_most_one.literals.extend(columns[first:last])
        else:
            linear = proto.constraints.add().linear
            linear.vars.extend(columns[first:last])
            linear.coeffs.extend(weights[first:last])
            linear.domain.extend([_UNLIMITED, most])
    everything = list(range(program.size))
    proto.objective.vars.extend(everything)
    proto.objective.coeffs.extend((-rewards).tolist())
    proto.objective.scaling_factor = -1.0
    proto.solution_hint.vars.extend(everything)
    proto.solution_hint.values.extend(np.rint(program.start).astype(np.int64).tolist())
    return model


def _whole(values: Floats, what: str) -> list[int]:
    rounded = np.rint(values)
    if not np.allclose(values, rounded, rtol=0, atol=1e-9):
        raise BackendError(f"CP-SAT takes whole numbers only; {what} is {values[np.argmax(np.abs(values - rounded))]}")
    whole: list[int] = rounded.astype(np.int64).tolist()
    return whole
