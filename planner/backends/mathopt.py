"""SCIP and HiGHS as they come inside the OR-Tools wheel, through MathOpt.

MathOpt wraps what goes wrong in a solver in errors of its own (in 9.15, at times an ``AttributeError`` about something
else), and passes ``threads`` on to solvers that refuse it; both stay inside this module. Both are limited by numbers of
nodes (:mod:`planner.effort`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from time import perf_counter
from typing import Any, Literal

import numpy as np

from planner.backends.protocol import BackendError, Solution
from planner.effort import (
    HIGHS_MIP,
    HIGHS_PURE_MIP,
    SCIP_CUTS,
    SCIP_NODE,
    SCIP_PURE_ROOT,
    SCIP_ROOT,
    Cost,
    Size,
    emergency,
    highs_options,
)
from planner.errors import ParameterError
from planner.programs.linear import LinearProgram

_TINY = 1e-12
"""What SCIP takes for zero: by default a billionth, and so a due time for one that is missed by the time that it allows."""


@dataclass(frozen=True)
class MathOptBackend:
    """A MIP solver of OR-Tools.

    Parameters
    ----------
    solver
        ``"scip"`` or ``"highs"``.
    gap
        Absolute and relative gap at which a point counts as optimal.
    """

    solver: Literal["scip", "highs"] = "scip"
    gap: float = 1e-9

    def __post_init__(self) -> None:
        if self.solver not in ("scip", "highs"):
            raise ParameterError("solver", self.solver, "use 'scip' or 'highs'")
        import ortools.math_opt.python.mathopt  # noqa: F401  (takes a second: before the first round, not in it)

    @property
    def name(self) -> str:
        """The solver's name; HiGHS is told apart from the one called directly."""
        return "scip" if self.solver == "scip" else "mathopt-highs"

    def least(self, size: Size) -> Cost:
        """Return the least work on a program that brings an answer: the root."""
        if self.solver == "scip":
            return SCIP_ROOT if size.mixed else SCIP_PURE_ROOT
        return HIGHS_MIP if size.mixed else HIGHS_PURE_MIP

    def solve(self, program: LinearProgram, budget: float) -> Solution:
        """Maximize within ``budget`` seconds."""
        from ortools.math_opt import model_pb2
        from ortools.math_opt.python import mathopt

        began = perf_counter()
        proto = model_pb2.ModelProto()
        ids = range(program.size)
        proto.variables.ids.extend(ids)
        proto.variables.lower_bounds.extend(program.lower.tolist())
        proto.variables.upper_bounds.extend(program.upper.tolist())
        proto.variables.integers.extend(program.integer.tolist())
        proto.objective.maximize = True
        proto.objective.linear_coefficients.ids.extend(ids)
        proto.objective.linear_coefficients.values.extend(program.rewards.tolist())
        proto.linear_constraints.ids.extend(range(program.rows))
        proto.linear_constraints.lower_bounds.extend([-np.inf] * program.rows)
        proto.linear_constraints.upper_bounds.extend(program.capacity.tolist())
        row = np.repeat(np.arange(program.rows), np.diff(program.row_starts))
        order = np.lexsort((program.columns, row))
        proto.linear_constraint_matrix.row_ids.extend(row[order].tolist())
        proto.linear_constraint_matrix.column_ids.extend(program.columns[order].tolist())
        proto.linear_constraint_matrix.coefficients.extend(program.coefficients[order].tolist())
        kind = mathopt.SolverType.GSCIP if self.solver == "scip" else mathopt.SolverType.HIGHS
        parameters = mathopt.SolveParameters(
            time_limit=timedelta(seconds=emergency(budget)),
            relative_gap_tolerance=self.gap,
            absolute_gap_tolerance=self.gap,
            threads=1 if self.solver == "scip" else None,
            gscip=_scip(program, budget),
            highs=_highs(program, budget),
        )
        try:
            model = mathopt.Model.from_model_proto(proto)
            variables = list(model.variables())
            hints = []
            if program.violation(program.start) <= 1e-9:
                hints = [mathopt.SolutionHint(dict(zip(variables, program.start.tolist(), strict=True)))]
            built = perf_counter()
            result = mathopt.solve(
                model, kind, params=parameters, model_params=mathopt.ModelSolveParameters(solution_hints=hints)
            )
        except Exception as error:
            raise BackendError(f"{self.name} failed inside MathOpt: {type(error).__name__}: {error}") from error
        solved = perf_counter()
        reason = result.termination.reason
        if reason in (mathopt.TerminationReason.INFEASIBLE, mathopt.TerminationReason.INFEASIBLE_OR_UNBOUNDED):
            raise BackendError(f"{self.name} calls the program infeasible")
        bound = result.termination.objective_bounds.dual_bound
        finite = float(bound) if np.isfinite(bound) else None
        if not result.has_primal_feasible_solution():
            return Solution(None, finite, "unknown", built - began, solved - built)
        values = result.variable_values()
        x = np.array([values[variable] for variable in variables], dtype=np.float64)
        optimal = reason == mathopt.TerminationReason.OPTIMAL
        return Solution(x, finite, "optimal" if optimal else "feasible", built - began, solved - built)


def _scip(program: LinearProgram, budget: float) -> Any:
    """Return SCIP's limits and what it may try; cuts and heuristics only where the budget has room for them."""
    from ortools.math_opt.solvers.gscip import gscip_pb2

    root = SCIP_PURE_ROOT if program.integer.all() else SCIP_ROOT
    left = budget - root(program.entries)
    limits = gscip_pb2.GScipParameters()
    if left < 2 * SCIP_CUTS(program.entries):
        limits.heuristics = gscip_pb2.GScipParameters.OFF
        limits.separating = gscip_pb2.GScipParameters.OFF
        limits.presolve = gscip_pb2.GScipParameters.FAST
    else:
        left -= SCIP_CUTS(program.entries)
    limits.real_params["numerics/epsilon"] = _TINY
    limits.long_params["limits/totalnodes"] = max(1, int(left / SCIP_NODE(program.entries)))
    return limits


def _highs(program: LinearProgram, budget: float) -> Any:
    """Return HiGHS' limits."""
    from ortools.math_opt.solvers import highs_pb2

    limits = highs_pb2.HighsOptionsProto()
    options = highs_options(program.entries, bool(program.integer.all()), budget)
    limits.int_options["mip_max_nodes"] = int(options["mip_max_nodes"])
    limits.double_options["mip_heuristic_effort"] = options["mip_heuristic_effort"]
    return limits
