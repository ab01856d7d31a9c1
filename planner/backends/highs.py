"""HiGHS, called directly through its own package: arrays in, arrays out, no modelling layer in between.

A fresh solver object costs 0.1 ms, so none is kept between calls. HiGHS runs on one thread here, and what ends it are
counts (:mod:`planner.effort`): simplex iterations while branching, checks of its limits in its MIP solver.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np

from planner.backends.branch import branch
from planner.backends.protocol import BackendError, Solution
from planner.effort import (
    HIGHS_ITERATION,
    HIGHS_LOAD,
    HIGHS_NODE_CHECK,
    HIGHS_PRESOLVE,
    HIGHS_PURE_ROOT_CHECK,
    HIGHS_ROOT_CHECK,
    HIGHS_RUN,
    Cost,
    Size,
    emergency,
)
from planner.outcomes import Floats
from planner.programs.linear import LinearProgram

_HEURISTICS_FROM = 1.0
"""Seconds of budget from which on HiGHS' heuristics run: they solve programs of their own, which no count limits."""
_ROOT_CHECKS = 8
"""Checks of limits at the root of a mixed program that a budget must allow for the MIP solver to be worth its start."""


@dataclass(frozen=True)
class HighsBackend:
    """HiGHS through ``highspy``.

    Parameters
    ----------
    gap
        Absolute and relative gap at which a point counts as optimal.
    presolve
        Whether to presolve.
    branching
        Programs with at most this many integer variables are branched on linear relaxations first
        (:mod:`planner.backends.branch`), for up to ``nodes`` of them; so are mixed programs whose budget is too small
        for the MIP solver. 0 for never.
    nodes
        Relaxations to solve, at most, before the MIP solver takes over with what they have found.
    """

    gap: float = 1e-9
    presolve: bool = True
    branching: int = 16
    nodes: int = 200
    name: str = "highs"

    def __post_init__(self) -> None:
        import highspy  # noqa: F401  (before the first round, not in it)

    def least(self, size: Size) -> Cost:
        """Return the least work on a program that brings an answer: a relaxation of few iterations."""
        iterations = 20
        return Cost(
            HIGHS_LOAD.fixed + HIGHS_RUN.fixed + iterations * HIGHS_ITERATION.fixed,
            HIGHS_LOAD.per_entry + HIGHS_RUN.per_entry + iterations * HIGHS_ITERATION.per_entry,
        )

    def solve(self, program: LinearProgram, budget: float) -> Solution:
        """Maximize within ``budget`` seconds."""
        integers = int(program.integer.sum())
        left = budget - HIGHS_LOAD(program.entries)
        if not self.branching or not integers:
            return self._mip(program, left, budget)
        pure = integers == program.size
        check = HIGHS_PURE_ROOT_CHECK if pure else HIGHS_ROOT_CHECK
        enough = HIGHS_PRESOLVE(program.entries) + (2 if pure else _ROOT_CHECKS) * check(program.entries)
        small = integers <= self.branching
        if not small and (pure or left >= enough):
            return self._mip(program, left, budget)
        began = perf_counter()
        highs = load(program, np.zeros(program.size, dtype=np.bool_))
        built = perf_counter()
        found = branch(highs, program, self.gap, self.nodes if small else 2**31, left / 2 if left >= enough else left)
        answer = replace(found.answer, build_seconds=built - began)
        left -= found.work
        if answer.status == "optimal" or left < enough:
            return answer
        start = program if answer.x is None else replace(program, start=answer.x)
        return _best(program, answer, self._mip(start, left, budget))

    def _mip(self, program: LinearProgram, work: float, budget: float) -> Solution:
        """Solve with HiGHS' own MIP solver (or, where no variable is integral, its simplex method)."""
        import highspy

        began = perf_counter()
        highs = load(program, program.integer)
        mixed = bool(program.integer.any())
        for option, value in (
            ("time_limit", emergency(budget)),
            ("mip_rel_gap", self.gap),
            ("mip_abs_gap", self.gap),
            ("presolve", "on" if self.presolve else "off"),
        ):
            highs.setOptionValue(option, value)
        if mixed:
            if budget < _HEURISTICS_FROM:
                highs.setOptionValue("mip_heuristic_effort", 0.0)
                highs.setOptionValue("mip_heuristic_run_feasibility_jump", False)
            if program.violation(program.start) <= 1e-9:
                highs.setSolution(program.size, np.arange(program.size, dtype=np.int32), program.start)
            highs.setCallback(_Limit(work, program), None)
            highs.startCallback(highspy.cb.HighsCallbackType.kCallbackMipInterrupt)
        else:
            most = max(1.0, (work - HIGHS_RUN(program.entries)) / HIGHS_ITERATION(program.entries))
            highs.setOptionValue("simplex_iteration_limit", int(min(most, 2**31 - 1)))
        built = perf_counter()
        highs.run()
        solved = perf_counter()
        outcome = highs.getModelStatus()
        if outcome == highspy.HighsModelStatus.kInfeasible:
            raise BackendError("HiGHS calls the program infeasible")
        info = highs.getInfo()
        optimal = outcome == highspy.HighsModelStatus.kOptimal
        bound = None
        if mixed:
            bound = float(info.mip_dual_bound)
        elif optimal:
            bound = float(info.objective_function_value)
        if bound is not None and not math.isfinite(bound):
            bound = None
        x: Floats | None = None
        if optimal or info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible:
            x = np.array(highs.getSolution().col_value, dtype=np.float64)
        if x is None:
            return Solution(None, bound, "unknown", built - began, solved - built)
        return Solution(x, bound, "optimal" if optimal else "feasible", built - began, solved - built)


class _Limit:
    """Ends HiGHS' MIP solver when its checks of limits add up to the work that is allowed."""

    def __init__(self, work: float, program: LinearProgram) -> None:
        self._left = work - HIGHS_PRESOLVE(program.entries)
        root = HIGHS_PURE_ROOT_CHECK if program.integer.all() else HIGHS_ROOT_CHECK
        self._root, self._node = root(program.entries), HIGHS_NODE_CHECK(program.entries)

    def __call__(self, kind: object, message: str, seen: Any, asked: Any, data: object) -> None:
        """Count a check."""
        self._left -= self._root if seen.mip_node_count < 1 else self._node
        if self._left <= 0.0:
            asked.user_interrupt = True


def load(program: LinearProgram, integer: np.typing.NDArray[np.bool_]) -> Any:
    """Return a ``highspy.Highs`` that holds a program to maximize, on one thread, silent and without presolve.

    Raises
    ------
    BackendError
        If HiGHS refuses it.
    """
    import highspy

    highs = highspy.Highs()
    for option, value in (("output_flag", False), ("threads", 1), ("presolve", "off")):
        highs.setOptionValue(option, value)
    status = highs.passModel(
        program.size, program.rows, len(program.columns), 2, -1, 0.0,
        program.rewards, program.lower, program.upper, np.full(program.rows, -highspy.kHighsInf), program.capacity,
        program.row_starts[:-1].astype(np.int32), program.columns.astype(np.int32), program.coefficients,
        integer.astype(np.int32),
    )  # fmt: skip
    if status == highspy.HighsStatus.kError:
        raise BackendError("HiGHS refuses the program; are all of its numbers finite?")
    return highs


def _best(program: LinearProgram, first: Solution, second: Solution) -> Solution:
    """Join two answers: the better point, the lower bound, the time of both."""
    bounds = [bound for bound in (first.bound, second.bound) if bound is not None]
    points = [x for x in (first.x, second.x) if x is not None and program.violation(x) <= 1e-6]
    x = max(points, key=program.value, default=None)
    build, solve = first.build_seconds + second.build_seconds, first.solve_seconds + second.solve_seconds
    if second.status == "optimal":
        return replace(second, build_seconds=build, solve_seconds=solve)
    bound = None if not bounds else min(bounds)
    return Solution(x, bound, "unknown" if x is None else "feasible", build, solve)
