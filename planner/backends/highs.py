"""HiGHS, called directly through its own package: arrays in, arrays out, no modelling layer in between.

A fresh solver object costs 0.1 ms, so none is kept between calls. HiGHS runs on one thread here, which makes it
deterministic as long as its time does not end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np

from planner.backends.branch import branch
from planner.backends.protocol import Answer, BackendError
from planner.programs.linear import LinearProgram

_NODES_PER_SECOND = 4000
_GRACE = 3.0


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
        Programs with at most this many integer variables are branched on linear relaxations instead
        (:mod:`planner.backends.branch`), for up to ``nodes`` of them; 0 for never.
    nodes
        Relaxations to solve, at most, before the MIP solver takes over. A budget allows 4,000 a second: a count is
        the same on a busy machine, a clock is not. The clock ends the search only at three times the budget.
    """

    gap: float = 1e-9
    presolve: bool = True
    branching: int = 16
    nodes: int = 200
    name: str = "highs"

    def __post_init__(self) -> None:
        import highspy  # noqa: F401  (before the first round, not in it)

    def solve(self, program: LinearProgram, budget: float) -> Answer:
        """Maximize within ``budget`` seconds."""
        import highspy

        began = perf_counter()
        size, rows = program.size, program.rows
        integers = int(program.integer.sum())
        mixed = integers > 0
        branching = 0 < integers <= self.branching
        highs = highspy.Highs()
        for option, value in (
            ("output_flag", False),
            ("time_limit", _GRACE * budget if branching else max(budget, 1e-3)),
            ("mip_rel_gap", self.gap),
            ("mip_abs_gap", self.gap),
            ("threads", 1),
            ("presolve", "on" if self.presolve and not branching else "off"),
        ):
            highs.setOptionValue(option, value)
        infinite = highspy.kHighsInf
        common = (
            size, rows, len(program.columns), 2, -1, 0.0,
            program.rewards, program.lower, program.upper, np.full(rows, -infinite), program.capacity,
            program.row_starts[:-1].astype(np.int32), program.columns.astype(np.int32), program.coefficients,
        )  # fmt: skip
        kinds = program.integer.astype(np.int32)
        status = highs.passModel(*common, np.zeros(size, dtype=np.int32) if branching else kinds)
        if status == highspy.HighsStatus.kError:
            raise BackendError("HiGHS refuses the program; are all of its numbers finite?")
        if branching:
            built = perf_counter()
            nodes = min(self.nodes, max(1, int(_NODES_PER_SECOND * budget)))
            answer = branch(highs, program, self.gap, nodes, _GRACE * budget)
            left = budget - answer.solve_seconds
            if answer.status == "optimal" or left <= 0:
                return replace(answer, build_seconds=built - began)
            rest = replace(self, branching=0).solve(program, left)
            build, solve = built - began + rest.build_seconds, answer.solve_seconds + rest.solve_seconds
            return replace(rest, build_seconds=build, solve_seconds=solve)
        if mixed and program.violation(program.start) <= 1e-9:
            highs.setSolution(size, np.arange(size, dtype=np.int32), program.start)
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
        x = None
        if optimal or info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible:
            x = np.array(highs.getSolution().col_value, dtype=np.float64)
        if x is None:
            return Answer(None, bound, "unknown", built - began, solved - built)
        return Answer(x, bound, "optimal" if optimal else "feasible", built - began, solved - built)
