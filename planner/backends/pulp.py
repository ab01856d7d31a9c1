"""CBC and HiGHS through PuLP.

CBC runs as a process of its own and reads the program from a file, which costs tens of milliseconds. PuLP tells no
bound of a search that CBC did not finish, so there is none then. PuLP passes no start on without files that stay, so
none is given.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import Literal

import numpy as np

from planner.backends.protocol import Answer, BackendError
from planner.programs.linear import LinearProgram


@dataclass(frozen=True)
class PulpBackend:
    """A solver that PuLP brings or finds.

    Parameters
    ----------
    solver
        ``"cbc"`` or ``"highs"``.
    gap
        Relative gap at which a point counts as optimal.
    """

    solver: Literal["cbc", "highs"] = "cbc"
    gap: float = 1e-9

    def __post_init__(self) -> None:
        if self.solver not in ("cbc", "highs"):
            raise ValueError(f"backend.solver is {self.solver!r}; use 'cbc' or 'highs'")
        import pulp  # noqa: F401  (before the first round, not in it)

    @property
    def name(self) -> str:
        """The solver's name; HiGHS is told apart from the one called directly."""
        return "cbc" if self.solver == "cbc" else "pulp-highs"

    def solve(self, program: LinearProgram, budget: float) -> Answer:
        """Maximize within ``budget`` seconds."""
        import pulp

        began = perf_counter()
        problem = pulp.LpProblem("program", pulp.LpMaximize)
        variables = [
            pulp.LpVariable(f"x{i}", lower, upper, pulp.LpInteger if whole else pulp.LpContinuous)
            for i, (lower, upper, whole) in enumerate(
                zip(program.lower.tolist(), program.upper.tolist(), program.integer.tolist(), strict=True)
            )
        ]
        rewards = program.rewards.tolist()
        problem += pulp.LpAffineExpression(list(zip(variables, rewards, strict=True)))
        for row in range(program.rows):
            columns, coefficients = program.row(row)
            terms = [(variables[c], a) for c, a in zip(columns.tolist(), coefficients.tolist(), strict=True)]
            capacity = float(program.capacity[row])
            if terms:
                problem += pulp.LpAffineExpression(terms) <= capacity
            elif capacity < -1e-9:
                raise BackendError(f"row {row} has no entries but a capacity of {capacity}: the program is infeasible")
        common = {"msg": False, "timeLimit": max(budget, 0.01), "gapRel": self.gap, "threads": 1}
        solver = pulp.PULP_CBC_CMD(**common) if self.solver == "cbc" else pulp.HiGHS(**common)
        built = perf_counter()
        try:
            status = problem.solve(solver)
        except Exception as error:
            raise BackendError(f"{self.name} failed inside PuLP: {type(error).__name__}: {error}") from error
        solved = perf_counter()
        if status == pulp.LpStatusInfeasible:
            raise BackendError(f"{self.name} calls the program infeasible")
        values = [variable.varValue for variable in variables]
        found = problem.sol_status in (pulp.LpSolutionOptimal, pulp.LpSolutionIntegerFeasible)
        if not found or None in values:
            return Answer(None, None, "unknown", built - began, solved - built)
        x = np.array(values, dtype=np.float64)
        if problem.sol_status != pulp.LpSolutionOptimal:
            return Answer(x, None, "feasible", built - began, solved - built)
        value = program.value(x)
        return Answer(x, value + self.gap * abs(value), "optimal", built - began, solved - built)
