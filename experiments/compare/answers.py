"""The work of a comparison on rounds, a run at a time: look for rounds with a choice, answer them, carry plans out.

A run is equal whenever it is made again, so rounds are named by their number in it, and never stored.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.cli import compose
from experiments.compare.met import meet, roll_out
from experiments.config.build import Setup, build
from experiments.config.solvers import BACKENDS
from experiments.studies.grid import Cell, Policy
from planner.comparison import Answered, answer
from planner.objectives import Objective, OnTime
from planner.plan import Assignment
from planner.programs.assignment import AssignmentProgram
from planner.programs.lookahead import Lookahead
from planner.round import Round
from planner.solvers.exact import Exact
from planner.solvers.protocol import Solver
from planner.yardstick import Yardstick, has_choice, has_conflict, yardstick

BUDGET = 1.0
"""Seconds of the processor, as counts, that an exact solver may take: what they find in less is another question."""
_ORDER = 3
"""Child of the seed that draws the order in which rounds are taken."""


@dataclass(frozen=True)
class ReferenceRun:
    """A run of the reference policy in a cell."""

    cell: Cell
    seed: int
    reference: Policy

    def setup(self) -> Setup:
        """Build it."""
        return build(compose([*self.cell.overrides, *self.reference.overrides]) | {"seed": self.seed})


@dataclass(frozen=True)
class RunRounds:
    """The rounds of a run with a choice, by program, as their numbers in the run and in random order.

    ``kinds`` counts all its rounds by program and kind: ``none``, ``fits`` (a choice, and everybody can be served) and
    ``conflict`` (somebody must lose).
    """

    run: ReferenceRun
    numbers: Mapping[str, tuple[int, ...]]
    kinds: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Judged:
    """An answer to a round of a run.

    Parameters
    ----------
    cell, seed, number
        Which round: the run, and its number in it.
    live, timely, slack
        Its live requests; those that can be on time if they are alone; and the median of what these can afford to wait,
        over the least time that they still have to run.
    conflict
        Whether somebody must lose.
    optimum, proven
        Of the program.
    answered
        The answer.
    """

    cell: str
    seed: int
    number: int
    live: int
    timely: int
    slack: float
    conflict: bool
    optimum: float
    proven: bool
    answered: Answered

    @property
    def round_(self) -> tuple[str, int, int]:
        """Which round."""
        return self.cell, self.seed, self.number


@dataclass(frozen=True, slots=True)
class RollOut:
    """Two plans for a round, each carried out in the run from there on, with the reference deciding afterwards.

    ``lost`` is the weight of the requests on time with the optimal plan, less that with the rule's.
    """

    cell: str
    seed: int
    number: int
    program: str
    rule: str
    regret: float
    lost: float


def programs(reference: Solver) -> dict[str, AssignmentProgram | Lookahead]:
    """Return both programs by name, with the settings of the reference where it solves one of them."""
    made: dict[str, AssignmentProgram | Lookahead] = {"assignment": AssignmentProgram(), "lookahead": Lookahead()}
    if isinstance(reference, Exact):
        for name, program in made.items():
            if type(reference.program) is type(program):
                made[name] = reference.program
    return made


def objective_of(reference: Solver) -> Objective:
    """Return what plans are measured by: the objective of the reference, else the weight of requests on time."""
    return reference.objective if isinstance(reference, Exact) else OnTime()


def find(run: ReferenceRun) -> RunRounds:
    """Look at all rounds of a run."""
    setup = run.setup()
    rounds = meet(setup).rounds
    judge = objective_of(setup.service.solver)
    numbers: dict[str, tuple[int, ...]] = {}
    kinds: dict[str, Counter[str]] = {}
    for name, program in programs(setup.service.solver).items():
        chosen = []
        kinds[name] = Counter()
        for number, round_ in enumerate(rounds):
            kind = _kind(round_, program, judge)
            kinds[name][kind] += 1
            if kind != "none":
                chosen.append(number)
        order = np.random.default_rng([run.seed, _ORDER]).permutation(len(chosen))
        numbers[name] = tuple(chosen[at] for at in order.tolist())
    return RunRounds(run, numbers, kinds)


def _kind(round_: Round, program: AssignmentProgram | Lookahead, objective: Objective) -> str:
    if sum(not round_.hopeless(job) for job in round_.jobs) < 2:
        return "none"
    stick = yardstick(round_, program, objective)
    return "conflict" if has_conflict(stick) else "fits" if has_choice(stick) else "none"


def answer_run(
    run: ReferenceRun, numbers: Mapping[str, Sequence[int]], rules: Sequence[Policy], exact: Sequence[str]
) -> list[Judged]:
    """Let everybody answer the chosen rounds of a run.

    Parameters
    ----------
    run, numbers
        Which rounds, by program.
    rules
        Who answers, for both programs.
    exact
        Names of solvers of programs; they solve both.
    """
    setup = run.setup()
    by_rule = {rule.name: rule_of(rule, run.cell) for rule in rules}
    backends = {name: BACKENDS[name]() for name in exact}
    rounds = meet(setup).rounds
    reference, budget = setup.service.solver, setup.service.budget
    judge = objective_of(reference)
    judged: list[Judged] = []
    for program_name, program in programs(reference).items():
        for number in numbers.get(program_name, ()):
            round_ = rounds[number]
            stick = yardstick(round_, program, judge)
            for answered in _answers(round_, stick, program, judge, by_rule, backends, budget):
                judged.append(
                    Judged(
                        run.cell.label, run.seed, number, len(round_.jobs), stick.rivals, slack_of(round_),
                        has_conflict(stick), stick.optimum, stick.proven, answered,
                    )
                )  # fmt: skip
    return judged


def _answers(
    round_: Round,
    stick: Yardstick,
    program: AssignmentProgram | Lookahead,
    objective: Objective,
    rules: Mapping[str, Solver],
    exact: Mapping[str, Any],
    budget: float,
) -> Iterator[Answered]:
    for at, (name, backend) in enumerate(exact.items()):
        solver = Exact(backend, program, objective)
        yield answer(round_, name, solver, stick, objective, BUDGET, to_the_end=not at)
    for name, rule in rules.items():
        yield answer(round_, name, rule, stick, objective, budget)


def rule_of(rule: Policy, cell: Cell) -> Solver:
    """Make a rule for the runs of a cell."""
    return build(compose([*cell.overrides, *rule.overrides])).service.solver


def slack_of(round_: Round) -> float:
    """Return the median over requests that can be on time: seconds they can wait, over the least they have to run."""
    shares = []
    for job in round_.jobs:
        if not round_.hopeless(job):
            work = job.steps_left * round_.costs.of(job.request.shape).fastest
            shares.append(max(0.0, round_.slack(job)) / work)
    return statistics.median(shares)


def roll_out_run(run: ReferenceRun, pairs: Sequence[tuple[Judged, tuple[Assignment, ...]]]) -> list[RollOut]:
    """Carry the plans of rules out in a run, each beside an optimal plan of its program for the same round."""
    setup = run.setup()
    met = meet(setup)
    known: dict[tuple[int, tuple[Assignment, ...]], float] = {}

    def served(number: int, assignments: tuple[Assignment, ...]) -> float:
        key = (number, assignments)
        if key not in known:
            known[key] = roll_out(setup, met.plans[:number], assignments)
        return known[key]

    return [
        RollOut(
            judged.cell, judged.seed, judged.number, judged.answered.program, judged.answered.solver, judged.answered.regret,
            served(judged.number, best) - served(judged.number, judged.answered.assignments),
        )
        for judged, best in pairs
    ]  # fmt: skip
