"""Solvers side by side on one round: what each plan is worth in each program, and how far it is from the optimum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from planner.check import check_plan
from planner.objectives.protocol import Objective
from planner.objectives.shipped import OnTime
from planner.plan import Assignment, Certificate, Plan
from planner.processor import busy_seconds
from planner.programs.assignment import AssignmentProgram
from planner.programs.lookahead import Lookahead
from planner.round import Round
from planner.solvers.exact import Exact
from planner.solvers.protocol import Solver
from planner.yardstick import TOLERANCE, Yardstick, has_choice, has_conflict, yardstick

_FEASIBLE = 1e-6


@dataclass(frozen=True, slots=True)
class Answered:
    """A solver's answer to a round, measured by one program.

    Parameters
    ----------
    solver, program
        Who answered, and by what it is measured.
    assignments
        The plan.
    worth, regret
        Of the plan (:mod:`planner.yardstick`), and how much less that is than the program's optimum.
    alone
        How much less than the optimum is finished in time if the solver goes on deciding by itself, without new arrivals,
        until every request is done or beyond hope; None where the program ends before that.
    seconds
        Of the processor, for the decision.
    status
        Of an exact solver: ``optimal``, ``feasible``, ``unknown`` (no point found: the greedy plan stands) or ``failed``.
        Empty for a rule.
    value, bound
        Of an exact solver's point in the program, and what it proved; these include the program's own tie-break.
    """

    solver: str
    program: str
    assignments: tuple[Assignment, ...]
    worth: float
    regret: float
    alone: float | None
    seconds: float
    status: str = ""
    value: float | None = None
    bound: float | None = None

    @property
    def exact(self) -> bool:
        """Whether it solved the program."""
        return bool(self.status)

    @property
    def optimal(self) -> bool:
        """Whether the plan is worth the optimum."""
        return self.regret <= TOLERANCE * max(1.0, abs(self.worth))

    @property
    def gap(self) -> float | None:
        """``(bound - value) / max(1, |bound|)`` of the program's point; None without a bound."""
        if self.value is None or self.bound is None:
            return None
        return max(0.0, self.bound - self.value) / max(1.0, abs(self.bound))

    @property
    def degrees(self) -> dict[int, int]:
        """GPUs of each job that runs, by request id."""
        return {id_: assignment.group.degree for assignment in self.assignments for id_ in assignment.jobs}


@dataclass(frozen=True)
class Comparison:
    """What :func:`compare` found; as text, a table per program.

    Parameters
    ----------
    round_
        The round.
    yardsticks
        One per program.
    answers
        By program, in the order of the solvers.
    """

    round_: Round
    yardsticks: tuple[Yardstick, ...] = field(repr=False)
    answers: tuple[Answered, ...] = ()

    def of(self, program: str) -> tuple[Answered, ...]:
        """Return the answers that are measured by a program."""
        return tuple(answer for answer in self.answers if answer.program == program)

    def __str__(self) -> str:
        """Several lines per program: its optimum, and a row per solver."""
        late = sum(map(self.round_.hopeless, self.round_.jobs))
        lines = [
            f"{len(self.round_.jobs)} live requests, {late} of them beyond hope, on {self.round_.cluster.gpus} GPUs"
        ]
        for stick in self.yardsticks:
            says = "somebody must lose" if has_conflict(stick) else "a choice" if has_choice(stick) else "no choice"
            lines += [
                "",
                f"{stick.program} program: optimum {stick.optimum:.6g}{'' if stick.proven else ' (not proven)'}, nothing "
                f"{stick.nothing:.6g}, everybody {stick.everybody:.6g}: {says}",
                *_columns(self.of(stick.program)),
            ]
        return "\n".join(lines)


def _columns(answers: Sequence[Answered]) -> list[str]:
    head = [
        "solver",
        "worth",
        "regret",
        "to the end",
        "value",
        "bound",
        "gap",
        "status",
        "CPU ms",
        "plan (request x GPUs)",
    ]
    rows = [head, *map(_row, answers)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(head))]
    lines = []
    for row in rows:
        numbers = [f"{text:>{width}}" for text, width in zip(row[1:-1], widths[1:-1], strict=True)]
        lines.append("  ".join([f"{row[0]:<{widths[0]}}", *numbers, row[-1]]))
    return lines


def _row(answer: Answered) -> list[str]:
    value, bound = (("" if v is None else f"{v:.6g}") for v in (answer.value, answer.bound))
    return [
        answer.solver,
        f"{answer.worth:.4g}",
        f"{answer.regret:.4g}",
        "" if answer.alone is None else f"{answer.alone:.4g}",
        value,
        bound,
        "" if answer.gap is None else f"{answer.gap:.2%}",
        answer.status or "rule",
        f"{1e3 * answer.seconds:.2f}",
        " ".join(f"{id_}x{degree}" for id_, degree in answer.degrees.items()) or "nothing",
    ]


def compare(
    round_: Round,
    solvers: Sequence[Solver] | Mapping[str, Solver],
    *,
    programs: Sequence[AssignmentProgram | Lookahead] = (AssignmentProgram(), Lookahead()),
    objective: Objective | None = None,
    budget: float = 1.0,
) -> Comparison:
    """Let solvers answer one round, and set their plans against the optimum of each program.

    An :class:`~planner.solvers.exact.Exact` solver is measured by the program that it solves, which it solves as it is:
    no short cut, and no fallback. Every other solver is a rule, and measured by all programs.

    Parameters
    ----------
    round_
        The round.
    solvers
        Who answers; a mapping gives them names.
    programs
        By what plans are measured; at most one of a kind.
    objective
        What a plan is worth; by default the weights of the requests on time. Exact solvers solve for it, too.
    budget
        Seconds of the processor for each decision.

    Raises
    ------
    PlanError
        If a solver's plan is not legal.
    ValueError
        If two solvers measured by one program have one name, or an exact solver solves none of the programs.
    """
    named = list(solvers.items()) if isinstance(solvers, Mapping) else [(solver.name, solver) for solver in solvers]
    judge = objective or OnTime()
    sticks, answers = [], []
    for _, solver in named:
        if isinstance(solver, Exact) and not any(type(solver.program) is type(program) for program in programs):
            raise ValueError(
                f"solver {solver.name} solves {type(solver.program).__name__}, which is none of the programs"
            )
    for program in programs:
        own = [(n, s) for n, s in named if not isinstance(s, Exact) or type(s.program) is type(program)]
        twice = {name for name, _ in own if [n for n, _ in own].count(name) > 1}
        if twice:
            raise ValueError(f"two solvers are called {min(twice)!r}; give a mapping from names of your own to solvers")
        stick = yardstick(round_, program, judge)
        sticks.append(stick)
        answers += [answer(round_, name, solver, stick, judge, budget) for name, solver in own]
    return Comparison(round_, tuple(sticks), tuple(answers))


def answer(
    round_: Round,
    name: str,
    solver: Solver,
    stick: Yardstick,
    objective: Objective,
    budget: float,
    to_the_end: bool = True,
) -> Answered:
    """Let one solver answer a round, and measure its plan; if asked, let it go on alone to the end, too."""
    began = busy_seconds()
    if isinstance(solver, Exact):
        made = _solve(replace(solver, objective=objective), round_, budget)
    else:
        plan = solver.solve(round_, budget)
        made = Answered(name, stick.program, plan.assignments, 0.0, 0.0, None, 0.0)
    seconds = busy_seconds() - began
    check_plan(round_, Plan(made.assignments, Certificate(name)))
    worth = stick.worth(made.assignments)
    alone = stick.alone(made.assignments, solver, budget) if to_the_end else None
    return replace(
        made,
        solver=name,
        program=stick.program,
        worth=worth,
        regret=max(0.0, stick.optimum - worth),
        alone=None if alone is None else max(0.0, stick.optimum - alone),
        seconds=seconds,
    )


def _solve(solver: Exact, round_: Round, budget: float) -> Answered:
    """Solve the program of an exact solver as it is: no short cut, no fallback but where nothing comes back."""
    greedy = solver.start.solve(round_, budget).assignments
    program = solver.program
    if isinstance(program, Lookahead):
        program = replace(program, detail=2**31)
    model = program.model(round_, solver.objective, greedy)
    linear = model.linear
    if not linear.size:
        return Answered("", "", greedy, 0.0, 0.0, None, 0.0, "optimal", 0.0, 0.0)
    try:
        found = solver.backend.solve(linear, budget)
    except Exception:
        return Answered("", "", greedy, 0.0, 0.0, None, 0.0, "failed")
    if found.x is None:
        return Answered("", "", greedy, 0.0, 0.0, None, 0.0, "unknown", None, found.bound)
    if found.x.shape != (linear.size,) or not linear.violation(found.x) <= _FEASIBLE:
        return Answered("", "", greedy, 0.0, 0.0, None, 0.0, "failed")
    value = linear.value(found.x)
    plan = tuple(model.carry_out(found.x, found.bound).plan)
    return Answered("", "", plan, 0.0, 0.0, None, 0.0, found.status, value, found.bound)
