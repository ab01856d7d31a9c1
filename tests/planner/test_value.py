"""What a certificate says is what the returned plan is worth: every objective, program and solver."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from planner.cluster import Cluster
from planner.objectives import (
    Fairness,
    GpuSeconds,
    LeastShare,
    Level,
    Lexicographic,
    Moves,
    Objective,
    ObjectiveError,
    OnTime,
    Progress,
    Survivors,
    Tardiness,
    Term,
    Weighted,
)
from planner.outcomes import Floats, Outcomes
from planner.plan import TOLERANCE, Certificate, Plan
from planner.plan import Assignment as Run
from planner.programs.assignment import AssignmentProgram
from planner.programs.linear import Program
from planner.programs.lookahead import Lookahead
from planner.round import Round
from planner.solvers.exact import Cbc, CpSat, Exact, Highs, Scip
from planner.testing.rounds import draw
from planner.value import value_of
from tests.strategies import EVENTS, LARGE, MEDIUM, ROUNDS, SMALL, TABLE, job, round_of, rounds

C8 = Cluster.nvlink(8)
LARGE_ON_TWO = TABLE[LARGE][2]
SOLVERS = {"cpsat": CpSat, "highs": Highs, "scip": Scip, "cbc": Cbc}
COST = Weighted((Term(OnTime()), Term(GpuSeconds(), 0.1)))
BOTH: dict[str, Objective] = {
    "survivors": Survivors(),
    "on_time": OnTime(),
    "gpu_seconds": GpuSeconds(),
    "cost": COST,
    "tardiness": Tardiness(),
    "fairness": Fairness(),
    "least_share": LeastShare(),
    "sum": Weighted((Term(Tardiness(), 0.5), Term(Fairness(), 3.0), Term(GpuSeconds(), 0.003))),
}
ONE_ROUND: dict[str, Objective] = BOTH | {
    "progress": Progress(),
    "moves": Weighted((Term(OnTime()), Term(Moves(), 0.1))),
    "lexicographic": Lexicographic((Level(Survivors()), Level(GpuSeconds(), 0.001))),
}
PROGRAMS: dict[str, tuple[Program, dict[str, Objective]]] = {
    "lookahead": (Lookahead(), BOTH),
    "lookahead-prices": (Lookahead(detail=0), BOTH),
    "lookahead-idle": (Lookahead(late="idle"), BOTH),
    "assignment": (AssignmentProgram(), ONE_ROUND),
    "assignment-alone": (AssignmentProgram(conserve=False), ONE_ROUND),
    "assignment-batches": (AssignmentProgram(batching=True), ONE_ROUND),
    "assignment-groups": (AssignmentProgram("groups"), ONE_ROUND),
}
CASES = [(p, o) for p, (_, objectives) in PROGRAMS.items() for o in objectives]


@pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)
@pytest.mark.parametrize(("program", "objective"), CASES, ids=[f"{p}-{o}" for p, o in CASES])
@settings(max_examples=5)
@given(round_=rounds(most=5))
def test_the_certificate_says_what_the_plan_is_worth(
    solver: type[Exact], program: str, objective: str, round_: Round
) -> None:
    """Tests that the value is that of the returned plan, at most the bound, and "optimal" only within the tolerance."""
    made, worth = PROGRAMS[program][0], ONE_ROUND[objective]
    plan = solver(made, worth).solve(round_, 0.2)
    certificate = plan.certificate
    if certificate.value is None:  # the program does not fit the budget, and says so
        assert certificate.fallback
        return
    assert certificate.value == pytest.approx(value_of(round_, plan, made, worth), rel=1e-9, abs=1e-9)
    if certificate.bound is not None:
        assert certificate.value <= certificate.bound + 1e-9 * max(1.0, abs(certificate.bound))
    if certificate.status == "optimal":
        assert certificate.bound is not None
        if objective in ("survivors", "on_time"):
            heaviest = max((j.request.weight for j in round_.jobs), default=1.0) if objective == "on_time" else 1.0
            assert certificate.bound - certificate.value <= TOLERANCE * heaviest + 1e-9


@pytest.mark.parametrize("objective", (OnTime(), COST), ids=("on_time", "cost"))
@pytest.mark.parametrize("budget", (0.001, 0.01, 1.0))
@pytest.mark.parametrize(("jobs", "gpus", "seed"), ((60, 8, 1), (60, 16, 8), (100, 64, 0), (100, 64, 4)))
def test_the_certificate_says_so_in_a_large_backlog_too(
    jobs: int, gpus: int, seed: int, budget: float, objective: Objective
) -> None:
    """Tests that the value is computed again alike where the schedule behind it is a coarse one, whatever the budget."""
    for cadence in ("events", "rounds"):
        round_ = draw(jobs, gpus, seed, cadence)
        plan = Highs(objective=objective).solve(round_, budget)
        assert plan.certificate.value == pytest.approx(
            value_of(round_, plan, Lookahead(), objective), rel=1e-9, abs=1e-9
        )


def test_values_by_hand() -> None:
    """Tests both programs' values of a plan made by hand, in a round of 0.4 s on eight GPUs.

    The large job survives only if it runs on all eight now; the medium one survives in any case. On one GPU its ten
    steps take 0.8 GPU-seconds. A step of the large one takes 0.7 s on one GPU, which no round holds, so that the least it
    could have taken, late, is what it takes on two.
    """
    round_ = round_of([job(0, LARGE, 4, due=0.41, weight=3.0), job(1, MEDIUM, 10, due=9.0)], C8, cadence=ROUNDS)
    wide = Run((0,), C8.groups(8)[0], 4)
    plan = Plan((wide,), Certificate("by hand"))
    assert value_of(round_, plan, AssignmentProgram(), OnTime()) == pytest.approx(3.0)
    assert value_of(round_, plan, AssignmentProgram(), COST) == pytest.approx(
        3.0 - 0.1 * (8 * 4 * 0.1 - 4 * 2 * LARGE_ON_TWO)
    )
    assert value_of(round_, plan, Lookahead(), OnTime()) == pytest.approx(4.0)
    assert value_of(round_, plan, Lookahead(), COST) == pytest.approx(4.0 - 0.1 * (8 * 4 * 0.1 + 0.8))
    other = Plan((Run((1,), C8.groups(8)[0], 10),), Certificate("by hand"))
    assert value_of(round_, other, AssignmentProgram(), OnTime()) == pytest.approx(0.0)
    assert value_of(round_, other, Lookahead(), OnTime()) == pytest.approx(1.0)


class Backwards:
    """A request is worth less on time than late."""

    def rewards(self, outcomes: Outcomes) -> Floats:
        """Minus the weight of a survivor."""
        return -outcomes.weight * outcomes.survives


@pytest.mark.parametrize("program", [Lookahead(), AssignmentProgram()])
def test_a_reward_for_being_late_is_refused_by_both_programs(program: Program) -> None:
    """Tests that an objective under which lateness pays is refused with its name."""
    round_ = round_of([job(7, SMALL, 10, due=5.0)], C8)
    with pytest.raises(ObjectiveError, match="Backwards"):
        Highs(program, Backwards()).solve(round_, 0.1)


@pytest.mark.parametrize("cadence", [EVENTS, ROUNDS])
@pytest.mark.parametrize("price", [0.0, 0.02, 0.5])
def test_a_program_alone_serves(cadence, price: float) -> None:  # type: ignore[no-untyped-def]
    """Tests that without filling of idle GPUs nobody waits while waiting gains nothing, at any price."""
    jobs = [job(i, MEDIUM, 10, due=9.0) for i in range(5)]
    objective = Weighted((Term(OnTime()), Term(GpuSeconds(), price)))
    plan = Highs(AssignmentProgram(conserve=False), objective).solve(round_of(jobs, C8, cadence=cadence), 0.5)
    assert len(plan.assignments) == 5
    if price:
        assert all(assignment.group.degree == 1 for assignment in plan.assignments)
