"""The rounds that a run of a reference policy meets, and what becomes of the run if one of them is answered otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from executor.records import Records
from experiments.config.build import Setup
from experiments.runner import simulate
from planner.plan import Assignment, Certificate, Plan
from planner.round import Round
from planner.solvers.protocol import Solver


@dataclass(frozen=True)
class Met:
    """A run, decision by decision.

    Parameters
    ----------
    rounds, plans
        What was asked, and what the reference answered.
    on_time
        Weight of the requests that were on time.
    """

    rounds: tuple[Round, ...]
    plans: tuple[Plan, ...]
    on_time: float


def meet(setup: Setup) -> Met:
    """Run a setup, and keep every round that it meets."""
    rounds: list[Round] = []
    plans: list[Plan] = []

    def keep(round_: Round, plan: Plan) -> None:
        rounds.append(round_)
        plans.append(plan)

    records = simulate(setup, on_round=keep)
    return Met(tuple(rounds), tuple(plans), on_time(records))


def on_time(records: Records) -> float:
    """Return the weight of the requests that were on time."""
    return sum(request.weight for request in records.requests if records.fate(request) == "on_time")


def roll_out(setup: Setup, plans: Sequence[Plan], assignments: Sequence[Assignment]) -> float:
    """Serve a setup again, and answer one round otherwise; return the weight of the requests on time.

    Parameters
    ----------
    setup
        The run; its own solver answers every round after that one.
    plans
        What it answered to the rounds before that one; so many are repeated.
    assignments
        What that round is answered.
    """
    reference = setup.service.solver
    script = [*plans, Plan(tuple(assignments), Certificate("roll-out"))]
    service = replace(setup.service, solver=_Script(reference, script))
    return on_time(simulate(replace(setup, service=service)))


class _Script:
    """Answers the first rounds by a script, and all others by the reference."""

    def __init__(self, reference: Solver, script: Sequence[Plan]) -> None:
        self._reference, self._script, self._answered = reference, script, 0
        self.name = reference.name
        self.preemptive = reference.preemptive

    def solve(self, round_: Round, budget: float) -> Plan:
        """Answer a round."""
        at, self._answered = self._answered, self._answered + 1
        return self._script[at] if at < len(self._script) else self._reference.solve(round_, budget)
