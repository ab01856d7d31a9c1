"""Plans from a program and a solver of programs, with the greedy plan as start and as fallback.

The chain: a greedy plan first, in under a millisecond; it is the complete hint of the exact solver. Where the program
sees by itself that a plan is optimal, no solver is called. Otherwise what the solver brings stands if it is feasible
and worth at least as much as the start. If the solver fails, answers nothing, or answers rubbish, the greedy plan
stands and the certificate says why.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from functools import cached_property
from time import perf_counter

from planner.backends.cpsat import CpSatBackend
from planner.backends.highs import HighsBackend
from planner.backends.mathopt import MathOptBackend
from planner.backends.protocol import Backend, Measured, Solution
from planner.backends.pulp import PulpBackend
from planner.costs import Costs
from planner.effort import Size, emergency, refusal
from planner.errors import FAILURES
from planner.job import Job
from planner.objectives.protocol import Objective, ObjectiveError
from planner.objectives.shipped import OnTime
from planner.objectives.trial import try_out
from planner.plan import Assignment, Certificate, Plan, Status, no_claim
from planner.programs.linear import BoundedProgram, LinearProgram, Program, Settled
from planner.programs.lookahead import Lookahead
from planner.request import Request
from planner.round import Cadence, Round
from planner.solvers.dp import GreedyDp
from planner.solvers.priority import Edf
from planner.solvers.protocol import Solver
from profiles.shape import Shape

_FEASIBLE = 1e-6
_WORSE = 1e-7


@dataclass(frozen=True)
class Exact:
    """Solves a program exactly within the budget.

    Parameters
    ----------
    backend
        The solver of programs.
    program
        What is to be decided.
    objective
        What a plan is worth.
    greedy
        Makes the start and stands in when the solver brings nothing better. None: the rule that suits the program
        (:func:`greedy_for`).

    Raises
    ------
    ObjectiveError
        If the objective misbehaves on an example, or answers otherwise when asked again.
    """

    backend: Backend = field(default_factory=CpSatBackend)
    program: Program = field(default_factory=Lookahead)
    objective: Objective = field(default_factory=OnTime)
    greedy: Solver | None = None
    preemptive: bool = True

    @property
    def name(self) -> str:
        """The backend's name."""
        return self.backend.name

    def __post_init__(self) -> None:
        try_out(self.objective)

    def check(self, costs: Costs, shapes: Collection[Shape]) -> None:
        """Raise ParameterError if the program cannot plan there, ObjectiveError if it cannot express the objective."""
        self.program.check(costs.cluster)
        self.program.model(_example(costs, shapes), self.objective, ())

    @cached_property
    def start(self) -> Solver:
        """Who makes the start: ``greedy``, or the rule that suits the program."""
        return self.greedy or greedy_for(self.program)

    def solve(self, round_: Round, budget: float) -> Plan:
        """Plan a round.

        Raises
        ------
        ObjectiveError
            If the objective misbehaves: that is the user's to repair, so no fallback hides it.
        """
        began = perf_counter()
        greedy = Plan((), no_claim(self.name)) if self.program.looks_ahead else self.start.solve(round_, budget)
        size = self.program.measure(round_)
        refused = self._refused(size, budget)
        if refused:
            settled = self.program.rough(round_, self.objective, budget)
            if settled is None:
                spent = perf_counter() - began
                certificate = Certificate(self.name, build_seconds=spent, fallback=True, note=refused)
                return Plan(self._greedy(greedy, round_, budget), certificate)
            return self._plan(settled, perf_counter() - began, note=refused if settled.rough else "")
        model = self.program.model(round_, self.objective, greedy.assignments)
        settled = model.settled(budget)
        if settled is not None:
            return self._plan(settled, perf_counter() - began)
        linear = model.linear
        built = perf_counter()
        if not linear.size:
            return self._plan(model.judged(self._greedy(greedy, round_, budget), 0.0), built - began)
        possible = linear.violation(linear.start) <= _FEASIBLE  # a rule may use GPUs that the program leaves alone
        start = linear.value(linear.start) if possible else -math.inf

        def fall_back(note: str, answer: Solution | None) -> Plan:
            build, solve, bound = built - began, perf_counter() - built, None
            if answer is not None:
                build, solve, bound = build + answer.build_seconds, answer.solve_seconds, answer.bound
            judged = model.judged(self._greedy(greedy, round_, budget), bound)
            plan = self._plan(judged, build, solve, note)
            return replace(plan, certificate=replace(plan.certificate, status="heuristic", fallback=True))

        try:
            answer = self.backend.solve(linear, max(0.0, budget - size.build - size.carry_out))
            refusal = _refusal(linear, answer, start)
            if refusal or answer.x is None:
                return fall_back(refusal, answer)
            settled = model.carry_out(answer.x, answer.bound)
        except ObjectiveError:
            raise
        except FAILURES as error:
            return fall_back(f"{type(error).__name__}: {error}", None)
        plan = self._plan(settled, built - began + answer.build_seconds, answer.solve_seconds)
        late = answer.build_seconds + answer.solve_seconds >= emergency(budget)
        if late and plan.certificate.status != "optimal":
            note = f"the clock ended the search after {emergency(budget):g} s"
            plan = replace(plan, certificate=replace(plan.certificate, note=note))
        return plan

    def bound(self, round_: Round, reached: float, budget: float) -> float | None:
        """Return a bound on the value of any plan of a round, if the program has one of its own."""
        if not isinstance(self.program, BoundedProgram):
            return None
        return self.program.bound(round_, self.objective, reached, budget)

    def _greedy(self, greedy: Plan, round_: Round, budget: float) -> tuple[Assignment, ...]:
        """Return the greedy plan, made now where the program had no use for it before."""
        return (self.start.solve(round_, budget) if self.program.looks_ahead else greedy).assignments

    def _refused(self, size: Size, budget: float) -> str:
        """Say why the program does not fit the budget; empty if it does, or if the backend cannot tell."""
        if not size.entries or self._measured is None:
            return ""
        return refusal(size, self._measured.least(size), budget)

    @cached_property
    def _measured(self) -> Measured | None:
        return self.backend if isinstance(self.backend, Measured) else None

    def _plan(self, settled: Settled, build: float, solve: float = 0.0, note: str = "") -> Plan:
        """Return a plan with its certificate; a note says why it stands in for another.

        A bound that the plan's own value exceeds is none: solvers round.
        """
        status: Status = "optimal" if settled.proven else "feasible"
        bound, fallback = settled.bound, bool(note)
        if bound is not None and settled.value > bound + _WORSE * max(1.0, abs(bound)):
            note = f"{note}; " if note else ""
            note += f"a bound of {bound:.6g} is refuted by this plan, and not used"
            status, bound = "feasible", None
        certificate = Certificate(
            self.name,
            status,
            settled.value,
            bound,
            build,
            solve,
            fallback,
            note,
            settled.promised,
            settled.made_of,
        )
        return Plan(tuple(settled.plan), certificate, settled.then)


def _example(costs: Costs, shapes: Collection[Shape]) -> Round:
    """Return a round in which a request of every shape has just come."""
    times = {shape: costs.of(shape).fastest for shape in shapes}
    jobs = tuple(
        Job(Request(i, shape, 2, 0.0, 100.0 * seconds), 2, 100.0 * seconds, 0.0)
        for i, (shape, seconds) in enumerate(times.items())
    )
    cadence = Cadence("events", max(times.values(), default=1.0))
    return Round(0.0, jobs, costs.cluster, costs.profile, (0.0,) * costs.cluster.gpus, cadence)


def _refusal(program: LinearProgram, answer: Solution, start: float) -> str:
    """Say why an answer cannot be used; empty if it can."""
    if answer.x is None:
        return "no point found within the budget"
    if answer.x.shape != (program.size,):
        return f"the solver returned {answer.x.shape} values for {program.size} variables"
    violation = program.violation(answer.x)
    if not violation <= _FEASIBLE:
        return f"the solver's point breaks a constraint by {violation:.3g}"
    value = program.value(answer.x)
    if start > -math.inf and value < start - _WORSE * max(1.0, abs(start)):
        return f"the solver's point is worth {value:.6g}, the greedy plan {start:.6g}"
    return ""


def greedy_for(program: Program) -> Solver:
    """Return the rule whose plans suit a program as start and as fallback.

    For one that decides a round, as the assignment program, the paper's packing, which decides the same; for one that looks
    ahead, earliest deadline first, which finishes what it begins.
    """
    return Edf(lasting=False) if program.looks_ahead else GreedyDp()


def CpSat(  # noqa: N802  (reads as the class that users look for)
    program: Program | None = None,
    objective: Objective | None = None,
    greedy: Solver | None = None,
    deterministic: bool = True,
    workers: int = 1,
) -> Exact:
    """Return an :class:`Exact` solver on OR-Tools CP-SAT; by default of the lookahead program, for most requests on time."""
    return Exact(CpSatBackend(deterministic, workers), program or Lookahead(), objective or OnTime(), greedy)


def Highs(  # noqa: N802
    program: Program | None = None, objective: Objective | None = None, greedy: Solver | None = None
) -> Exact:
    """Return an :class:`Exact` solver on HiGHS; by default of the lookahead program, for most requests on time."""
    return Exact(HighsBackend(), program or Lookahead(), objective or OnTime(), greedy)


def Scip(  # noqa: N802
    program: Program | None = None, objective: Objective | None = None, greedy: Solver | None = None
) -> Exact:
    """Return an :class:`Exact` solver on SCIP; by default of the lookahead program, for most requests on time."""
    return Exact(MathOptBackend("scip"), program or Lookahead(), objective or OnTime(), greedy)


def Cbc(  # noqa: N802
    program: Program | None = None, objective: Objective | None = None, greedy: Solver | None = None
) -> Exact:
    """Return an :class:`Exact` solver on CBC; by default of the lookahead program, for most requests on time."""
    return Exact(PulpBackend("cbc"), program or Lookahead(), objective or OnTime(), greedy)


__all__ = ["Cbc", "CpSat", "Exact", "Highs", "Scip", "greedy_for"]
