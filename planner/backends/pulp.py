"""CBC and HiGHS through PuLP.

CBC runs as a process of its own and reads the program from a file, which costs tens of milliseconds. PuLP tells no
bound of a search that CBC did not finish, so there is none then. PuLP passes no start on without files that stay, so
none is given. CBC is asked for no threads: with one, its main thread now and then waits ten seconds for it. Both are
limited by numbers of nodes (:mod:`planner.effort`), and CBC's process by seconds of its processor.
"""

from __future__ import annotations

import math
import os
import shlex
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

import numpy as np

from planner.backends.protocol import BackendError, Solution
from planner.effort import (
    CBC_CUTS,
    CBC_FEWEST,
    CBC_NODE,
    CBC_START,
    HIGHS_MIP,
    HIGHS_PURE_MIP,
    Cost,
    Size,
    emergency,
    highs_options,
)
from planner.errors import ParameterError
from planner.programs.linear import LinearProgram

_HUNG = 5.0
"""Times the budget after which CBC's process is ended; nothing limits the work at its root."""


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
            raise ParameterError("solver", self.solver, "use 'cbc' or 'highs'")
        import pulp  # noqa: F401  (before the first round, not in it)

    @property
    def name(self) -> str:
        """The solver's name; HiGHS is told apart from the one called directly."""
        return "cbc" if self.solver == "cbc" else "pulp-highs"

    def _common(self, seconds: float) -> dict[str, Any]:
        """What both solvers take."""
        return {"msg": False, "timeLimit": seconds, "gapRel": self.gap}

    def least(self, size: Size) -> Cost:
        """Return the least work on a program that brings an answer: the root, and for CBC some nodes."""
        if self.solver == "highs":
            return HIGHS_MIP if size.mixed else HIGHS_PURE_MIP
        nodes = CBC_FEWEST if size.mixed else 1
        return Cost(CBC_START.fixed + nodes * CBC_NODE.fixed, CBC_START.per_entry + nodes * CBC_NODE.per_entry)

    def solve(self, program: LinearProgram, budget: float) -> Solution:
        """Maximize within ``budget`` seconds."""
        import pulp

        began = perf_counter()
        problem = pulp.LpProblem("program", pulp.LpMaximize)
        variables = [
            problem.add_variable(f"x{i}", lower, upper, pulp.LpInteger if whole else pulp.LpContinuous)
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
        built = perf_counter()
        try:
            if self.solver == "cbc":
                settings = {**self._common(emergency(budget)), **_cbc(program, budget)}
                with _limited(pulp.PULP_CBC_CMD.pulp_cbc_path, budget) as path:
                    status = problem.solve(pulp.COIN_CMD(path=path, **settings))
            else:
                options = highs_options(program.entries, bool(program.integer.all()), budget)
                status = problem.solve(pulp.HiGHS(**self._common(emergency(budget)), threads=1, **options))
        except Exception as error:
            raise BackendError(f"{self.name} failed inside PuLP: {type(error).__name__}: {error}") from error
        solved = perf_counter()
        if status == pulp.LpStatusInfeasible:
            raise BackendError(f"{self.name} calls the program infeasible")
        values = [variable.varValue for variable in variables]
        found = problem.sol_status in (pulp.LpSolutionOptimal, pulp.LpSolutionIntegerFeasible)
        if not found or None in values:
            return Solution(None, None, "unknown", built - began, solved - built)
        x = np.array(values, dtype=np.float64)
        if problem.sol_status != pulp.LpSolutionOptimal:
            return Solution(x, None, "feasible", built - began, solved - built)
        value = program.value(x)
        return Solution(x, value + self.gap * abs(value), "optimal", built - began, solved - built)


def _cbc(program: LinearProgram, budget: float) -> dict[str, Any]:
    """Return CBC's limits; its preprocessing, cuts and heuristics run only where the budget has room for them."""
    left = budget - CBC_START(program.entries)
    cuts = CBC_CUTS(program.entries)
    plain = left < 4 * cuts
    if not plain:
        left -= cuts
    nodes = max(1, int(left / CBC_NODE(program.entries)))
    return {"maxNodes": nodes, "options": ["cuts off", "heur off", "preprocess off"] if plain else []}


@contextmanager
def _limited(path: str, budget: float) -> Iterator[str]:
    """Give a command that runs the one at ``path`` and ends it after too many seconds of its processor."""
    if os.name != "posix":
        yield path
        return
    with tempfile.TemporaryDirectory() as directory:
        command = Path(directory) / "cbc"
        seconds = math.ceil(_HUNG * budget)
        command.write_text(f'#!/bin/sh\nulimit -t {seconds}\nexec {shlex.quote(path)} "$@"\n')
        command.chmod(0o700)
        yield str(command)
