"""What programs and work cost by counts: never less than what is built, and budgets that are refused in words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.studies.budgets import OBJECTIVES
from experiments.studies.hard_rounds import hard_round
from planner.backends.cpsat import CpSatBackend
from planner.backends.highs import HighsBackend
from planner.backends.mathopt import MathOptBackend
from planner.backends.protocol import Backend, Measured
from planner.backends.pulp import PulpBackend
from planner.cluster import Cluster
from planner.effort import Cost, Size, refusal
from planner.objectives import LeastShare, OnTime
from planner.programs.assignment import AssignmentProgram
from planner.programs.linear import LinearProgram, Program
from planner.programs.lookahead import Lookahead
from planner.round import Cadence, Round
from planner.solvers.dp import GreedyDp
from planner.solvers.exact import Exact
from planner.solvers.priority import Edf
from tests.strategies import rounds

BACKENDS: tuple[Backend, ...] = (
    CpSatBackend(),
    HighsBackend(),
    MathOptBackend("scip"),
    MathOptBackend("highs"),
    PulpBackend("cbc"),
    PulpBackend("highs"),
)


@pytest.mark.parametrize(
    "program",
    [
        Lookahead(),
        Lookahead(concurrency=False),
        AssignmentProgram(),
        AssignmentProgram("groups"),
        AssignmentProgram(batching=True),
    ],
)
@settings(max_examples=40)
@given(round_=rounds(), shares=st.booleans())
def test_no_program_is_larger_than_its_measure(program: Program, round_: Round, shares: bool) -> None:
    """Tests that the size told before a program is built is at least that of the program."""
    linear = program.model(round_, LeastShare() if shares else OnTime(), ()).linear
    if linear.size == int(shares):
        return
    size = program.measure(round_)
    assert linear.size <= size.variables
    assert linear.rows <= size.rows
    assert len(linear.columns) <= size.nonzeros
    assert size.mixed or linear.integer.all()


@pytest.mark.parametrize("gpus", [8, 64])
def test_the_measure_is_close(gpus: int) -> None:
    """Tests that in hard rounds at most a third of what is measured is not there, so that little is refused in vain."""
    for program in (Lookahead(), AssignmentProgram()):
        round_ = hard_round(24, gpus, 1, "events")
        linear = program.model(round_, OnTime(), ()).linear
        assert linear.entries >= 2 / 3 * program.measure(round_).entries


def test_words_of_a_refusal() -> None:
    """Tests that a refusal names the size, the work and the budget, and that what fits is not refused."""
    size = Size(300, 200, 1000, True, build=1e-3)
    assert refusal(size, Cost(1e-3, 1e-6), 0.004) == ""
    words = refusal(size, Cost(1e-3, 10e-6), 0.004)
    assert "300 variables" in words and "17.0 ms" in words and "budget of 4 ms" in words and "70 variables" in words


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda backend: backend.name)
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize(("program", "cadence"), [(Lookahead(), "events"), (AssignmentProgram(), "rounds")])
def test_what_does_not_fit_is_never_built(backend: Backend, objective: str, program: Program, cadence: str) -> None:
    """Tests that with a budget too small for the program another plan comes back, marked, and no solver is asked."""

    class Refusing:
        name = backend.name
        least = staticmethod(backend.least)  # type: ignore[attr-defined]

        def solve(self, linear: LinearProgram, budget: float) -> None:
            raise AssertionError("asked")

    assert isinstance(backend, Measured)
    greedy = Edf() if isinstance(program, Lookahead) else GreedyDp()
    plan = Exact(Refusing(), program, OBJECTIVES[objective], greedy).solve(hard_round(12, 8, 0, cadence), 5e-4)  # type: ignore[arg-type]
    assert plan.certificate.fallback
    assert "variables" in plan.certificate.note
    assert plan.assignments


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("seed", range(3))
def test_plans_by_prices_have_sound_bounds(objective: str, seed: int) -> None:
    """Tests that the bound of a plan that stands in for a program is not below the program's optimum."""
    round_ = hard_round(7, 8, seed, "events")
    rough = Lookahead().rough(round_, OBJECTIVES[objective], 0.01)
    assert rough is not None
    model = Lookahead(tie_break=0.0).model(round_, OBJECTIVES[objective], ())
    best = HighsBackend().solve(model.linear, 30.0)
    assert best.x is not None and best.status == "optimal"
    exact = model.carry_out(best.x, model.linear.value(best.x))
    assert rough.bound is not None and exact.bound is not None
    assert rough.bound >= exact.bound - 1e-6
    assert exact.bound >= exact.value
    assert rough.bound >= rough.value


def test_a_limit_keeps_what_branching_found() -> None:
    """Tests that with every budget the answer is worth at least the start, and bounds fall as the budget grows."""
    round_ = hard_round(8, 8, 2, "events")
    linear = Lookahead().model(round_, OnTime(), ()).linear
    best = HighsBackend().solve(linear, 30.0)
    assert best.x is not None and best.bound is not None
    values, bounds = [], []
    for budget in (1e-3, 3e-3, 6e-3, 0.012, 0.025, 0.05, 0.2):
        answer = HighsBackend().solve(linear, budget)
        assert answer.x is not None
        values.append(linear.value(answer.x))
        if answer.bound is not None:
            bounds.append(answer.bound)
        assert answer.bound is None or answer.bound >= linear.value(best.x) - 1e-6
    assert min(values) >= linear.value(linear.start) - 1e-9
    assert values == sorted(values)
    assert len(bounds) > 3 and np.all(np.diff(bounds) <= 1e-9)


def test_the_best_of_branching_and_of_the_mip_solver_is_kept() -> None:
    """Tests that the MIP solver, after a few nodes of branching, starts from their point and loses neither bound."""
    round_ = hard_round(10, 8, 4, "events")
    linear = Lookahead().model(round_, OnTime(), ()).linear
    branched = HighsBackend(nodes=4).solve(linear, 5e-3)
    both = HighsBackend(nodes=4).solve(linear, 0.3)
    assert branched.x is not None and both.x is not None
    assert both.bound is not None and branched.bound is not None
    assert linear.value(both.x) >= linear.value(branched.x) - 1e-9
    assert both.bound <= branched.bound + 1e-9


@pytest.mark.parametrize("backend", [HighsBackend(), CpSatBackend(), MathOptBackend("scip")], ids=lambda b: b.name)
def test_no_clock_decides(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that a clock that leaps by a second at every look changes nothing."""
    linear = Lookahead().model(hard_round(6, 8, 1, "events"), OnTime(), ()).linear
    calm = [backend.solve(linear, budget) for budget in (0.004, 0.02)]
    leaping = iter(range(10**6))
    for module in ("branch", "highs", "cpsat", "mathopt"):
        monkeypatch.setattr(f"planner.backends.{module}.perf_counter", lambda: float(next(leaping)))
    for first, budget in zip(calm, (0.004, 0.02), strict=True):
        second = backend.solve(linear, budget)
        same = replace(second, build_seconds=first.build_seconds, solve_seconds=first.solve_seconds)
        assert (same.status, same.bound) == (first.status, first.bound)
        assert np.array_equal(same.x, first.x) if same.x is not None and first.x is not None else same.x is first.x


def test_a_cluster_without_jobs_has_no_program() -> None:
    """Tests the smallest measure."""
    profile = hard_round(1, 8, 0, "events").profile
    empty = Round(0.0, (), Cluster.nvlink(8), profile, (0.0,) * 8, Cadence("events", 0.4))
    assert Lookahead().measure(empty).entries == 0
