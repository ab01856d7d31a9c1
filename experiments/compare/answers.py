"""Solvers on the same rounds: every solver answers each round that a reference run meets.

A plan is set against the optimum of the one-round assignment program under one objective: the plan's value is that
of the options (job, GPUs) it picks, whoever made it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter

from experiments.build import Setup
from experiments.runner import simulate
from planner.backends.cpsat import CpSatBackend
from planner.objectives import Objective, OnTime
from planner.plan import Plan
from planner.programs.assignment import Assignment as AssignmentProgram
from planner.round import Round
from planner.solvers.protocol import Solver

PROOF_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Answered:
    """A solver's answer to one round.

    Parameters
    ----------
    round_
        Position among the rounds compared.
    solver
        Name of the policy.
    jobs
        Live jobs.
    value, bound
        Of the plan, and the proven optimum of the round; both relative to all jobs waiting.
    agrees
        Whether the same jobs run on as many GPUs each as in the reference's plan.
    seconds
        Wall-clock time of the decision.
    """

    round_: int
    solver: str
    jobs: int
    value: float
    bound: float
    agrees: bool
    seconds: float

    @property
    def regret(self) -> float:
        """How much the plan is worth less than the best one."""
        return max(0.0, self.bound - self.value)


def rounds_of(setup: Setup, most: int) -> list[tuple[Round, Plan]]:
    """Run a setup and return up to ``most`` of its rounds with at least two jobs, evenly spaced, with its plans."""
    met: list[tuple[Round, Plan]] = []

    def keep(round_: Round, plan: Plan) -> None:
        if len(round_.jobs) > 1:
            met.append((round_, plan))

    simulate(setup, on_round=keep)
    if len(met) <= most:
        return met
    return [met[(2 * i + 1) * len(met) // (2 * most)] for i in range(most)]


def answer_all(
    met: Sequence[tuple[Round, Plan]],
    solvers: Sequence[tuple[str, Solver, float]],
    objective: Objective | None = None,
    on_answer: Callable[[Answered], None] | None = None,
) -> list[Answered]:
    """Let every solver (name, solver, budget in seconds) answer every round.

    Parameters
    ----------
    met
        Rounds with the reference's plans.
    solvers
        Who answers.
    objective
        Under which the plans are set against the optimum; weighted survivors by default.
    on_answer
        Called after each answer.
    """
    program, judge = AssignmentProgram(), objective or OnTime()
    backend = CpSatBackend()
    answers: list[Answered] = []
    for number, (round_, reference) in enumerate(met):
        model = program.model(round_, judge, reference.assignments)
        proof = backend.solve(model.linear, PROOF_SECONDS)
        bound = proof.bound if proof.bound is not None else float("nan")
        for name, solver, budget in solvers:
            began = perf_counter()
            plan = solver.solve(round_, budget)
            seconds = perf_counter() - began
            linear = program.model(round_, judge, plan.assignments).linear
            agrees = _degrees(plan) == _degrees(reference)
            answer = Answered(number, name, len(round_.jobs), linear.value(linear.start), bound, agrees, seconds)
            answers.append(answer)
            if on_answer is not None:
                on_answer(answer)
    return answers


def _degrees(plan: Plan) -> dict[int, int]:
    return {job: assignment.group.degree for assignment in plan.assignments for job in assignment.jobs}
