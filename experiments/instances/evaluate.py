"""Solve every instance with a solver of programs, and set the answers against what is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter

from experiments.instances.library import Instance, Known
from planner.backends.protocol import Backend
from planner.errors import FAILURES
from planner.objectives import Objective
from planner.programs.linear import Program
from planner.solvers.dp import GreedyDp

FEASIBLE = 1e-6


@dataclass(frozen=True, slots=True)
class Solved:
    """A solver's answer to an instance.

    Parameters
    ----------
    instance, program, solver
        Which.
    jobs, gpus, variables, rows
        The size.
    value
        Of the solver's point; that of the greedy start where it found none.
    bound
        What it proved, if anything.
    status
        ``optimal``, ``feasible``, ``unknown``, or ``failed``.
    seconds
        To make the program, hand it over and solve it.
    violation
        By how much the point breaks a constraint; above 1e-6 the status is ``failed``.
    note
        What failed, in words.
    """

    instance: str
    program: str
    solver: str
    jobs: int
    gpus: int
    variables: int
    rows: int
    value: float
    bound: float | None
    status: str
    seconds: float
    violation: float
    note: str = ""


def solve_all(
    instances: Sequence[Instance],
    program_name: str,
    program: Program,
    objective: Objective,
    backend: Backend,
    budget: float,
    on_solved: Callable[[Solved], None] | None = None,
) -> list[Solved]:
    """Solve every instance within ``budget`` seconds each; a solver that raises is noted, and the others go on."""
    results: list[Solved] = []
    greedy = GreedyDp()
    for instance in instances:
        round_ = instance.round_
        start = greedy.assignments(round_)
        began = perf_counter()
        model = program.model(round_, objective, start)
        linear = model.linear
        value, bound, status, violation, note = linear.value(linear.start), None, "failed", 0.0, ""
        try:
            answer = backend.solve(linear, budget)
            bound, status = answer.bound, answer.status
            if answer.x is not None:
                violation = linear.violation(answer.x)
                if violation > FEASIBLE:
                    status, note = "failed", f"the point breaks a constraint by {violation:.3g}"
                else:
                    value = linear.value(answer.x)
        except FAILURES as error:
            note = f"{type(error).__name__}: {error}"
        seconds = perf_counter() - began
        solved = Solved(
            instance.name, program_name, backend.name, len(round_.jobs), round_.cluster.gpus, linear.size, linear.rows,
            value, bound, status, seconds, violation, note,
        )  # fmt: skip
        results.append(solved)
        if on_solved is not None:
            on_solved(solved)
    return results


def as_known(solved: Sequence[Solved], objective: str) -> list[Known]:
    """What these answers add to the table of known values; answers without a bound add nothing."""
    return [
        Known(
            s.instance, s.program, objective, s.jobs, s.gpus, s.variables, s.rows, s.value, s.bound, s.seconds, s.solver
        )
        for s in solved
        if s.bound is not None and s.status != "failed"
    ]  # fmt: skip


def gap_to(solved: Solved, known: Known) -> float:
    """Relative gap of an answer's value to the best bound."""
    return max(0.0, known.bound - solved.value) / max(1.0, abs(known.bound))
