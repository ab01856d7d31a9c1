"""What a plan is worth on an objective, recomputed from the plan alone: what its certificate must say."""

from __future__ import annotations

from planner.objectives.protocol import Objective
from planner.plan import Plan
from planner.programs.linear import Program
from planner.round import Round


def value_of(round_: Round, plan: Plan, program: Program, objective: Objective) -> float:
    """Return the value of a plan as a program defines it; no solver is called.

    Parameters
    ----------
    round_
        The instance.
    plan
        A legal plan of it, from any solver. Lookahead looks at what its certificate promises; where it promises nothing,
        at all requests that can be on time.
    program, objective
        What a plan is worth.

    Raises
    ------
    ObjectiveError
        If the program cannot express the objective.
    """
    claim = plan.certificate
    return program.model(round_, objective, ()).judged(plan.assignments, None, claim.promised, claim.made_of).value
