"""One suite over all solvers of programs: the same optimum, sound bounds, no broken rows, limits kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from planner.backends.cpsat import CpSatBackend
from planner.backends.highs import HighsBackend
from planner.backends.mathopt import MathOptBackend
from planner.backends.protocol import Backend, BackendError
from planner.backends.pulp import PulpBackend
from planner.processor import busy_seconds
from planner.programs.intervals import Task, interval_program
from planner.programs.linear import LinearProgram
from planner.testing.exhaustive import ExhaustiveBackend

MIXED: tuple[Backend, ...] = (
    HighsBackend(),
    HighsBackend(branching=0),
    MathOptBackend("scip"),
    MathOptBackend("highs"),
    CpSatBackend(presolve=True),
    PulpBackend("cbc"),
    PulpBackend("highs"),
)
ALL: tuple[Backend, ...] = (*MIXED, ExhaustiveBackend())


def label(backend: Backend) -> str:
    """Name a solver in a test's id."""
    return backend.name + ("-mip" if backend == HighsBackend(branching=0) else "")


EVERY = pytest.mark.parametrize("backend", ALL, ids=label)
EVERY_MIXED = pytest.mark.parametrize("backend", MIXED, ids=label)


def dense(rewards: list[float], rows: list[list[float]], capacity: list[float], upper: list[float]) -> LinearProgram:
    """Make a pure integer program from dense rows, with zero as its start."""
    n = len(rewards)
    return LinearProgram(
        rewards=np.array(rewards, dtype=float),
        row_starts=np.arange(len(rows) + 1) * n,
        columns=np.tile(np.arange(n), len(rows)),
        coefficients=np.array([a for row in rows for a in row], dtype=float),
        capacity=np.array(capacity, dtype=float),
        lower=np.zeros(n),
        upper=np.array(upper, dtype=float),
        integer=np.ones(n, dtype=bool),
        start=np.zeros(n),
    )


@st.composite
def programs(draw: st.DrawFn) -> LinearProgram:
    """Up to six integer variables and three rows of whole numbers; zero is always feasible."""
    n, m = draw(st.integers(1, 6)), draw(st.integers(0, 3))
    rewards = draw(st.lists(st.integers(-4, 8).map(lambda value: value / 4), min_size=n, max_size=n))
    rows = draw(st.lists(st.lists(st.integers(-2, 5), min_size=n, max_size=n), min_size=m, max_size=m))
    capacity = draw(st.lists(st.integers(0, 12), min_size=m, max_size=m))
    upper = draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))
    floats = [[float(a) for a in row] for row in rows]
    return dense(rewards, floats, [float(b) for b in capacity], [float(u) for u in upper])


@EVERY
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(program=programs())
def test_pure_integer_programs(backend: Backend, program: LinearProgram) -> None:
    """Tests that every solver finds the optimum that exhaustive search finds, and proves it."""
    truth = ExhaustiveBackend().solve(program, 10.0)
    answer = backend.solve(program, 10.0)
    assert answer.x is not None and truth.x is not None
    assert answer.status == "optimal"
    assert program.violation(answer.x) <= 1e-6
    assert program.value(answer.x) == pytest.approx(program.value(truth.x), abs=1e-6)
    assert answer.bound is not None
    assert answer.bound >= program.value(truth.x) - 1e-6


@st.composite
def interval_programs(draw: st.DrawFn) -> LinearProgram:
    """Deadline-interval programs of up to five tasks on eight GPUs, some of them overloaded."""
    tasks = []
    for _ in range(draw(st.integers(1, 5))):
        base = draw(st.sampled_from((0.02, 0.05, 0.1)))
        due = draw(st.integers(1, 20)) / 4
        degrees = draw(st.sampled_from(((1,), (1, 4), (1, 2, 4, 8))))
        seconds = tuple(base / degree**0.7 for degree in degrees)
        steps, weight = draw(st.integers(10, 60)), float(draw(st.integers(1, 3)))
        tasks.append(Task(0.0, due, steps, degrees, seconds, weight))
    points = np.unique([0.0, *(task.due for task in tasks)])
    price = np.full(len(points) - 1, draw(st.sampled_from((0.0, 1e-4, 1e-2))))
    return interval_program(tasks, points, 8 * np.diff(points), price).linear


@EVERY_MIXED
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(program=interval_programs())
def test_mixed_programs(backend: Backend, program: LinearProgram) -> None:
    """Tests that all solvers agree on programs with continuous variables, and no bound lies below a value.

    CP-SAT works on a grid, which now and then leaves a gap open; then it must say so.
    """
    truth = HighsBackend(branching=0).solve(program, 10.0)
    answer = backend.solve(program, 10.0)
    assert answer.x is not None and truth.x is not None and truth.bound is not None
    assert program.violation(answer.x) <= 1e-6
    assert answer.bound is not None
    if backend.name != "cpsat":
        assert answer.status == "optimal"
    if answer.status == "optimal":
        assert program.value(answer.x) == pytest.approx(program.value(truth.x), abs=1e-5)
    assert answer.bound >= max(program.value(answer.x), program.value(truth.x)) - 1e-6


@EVERY
def test_rows_without_entries_and_no_rows(backend: Backend) -> None:
    """Tests the borders of the form: no rows at all, and a row that says nothing."""
    assert_optimum(backend, dense([1.0, -1.0], [], [], [2.0, 2.0]), 2.0)
    empty = replace(dense([1.0], [[1.0]], [1.0], [2.0]), row_starts=np.array([0, 1, 1]), capacity=np.array([1.0, 0.0]))
    assert_optimum(backend, empty, 1.0)


def assert_optimum(backend: Backend, program: LinearProgram, value: float) -> None:
    """Solve and compare the value."""
    answer = backend.solve(program, 10.0)
    assert answer.x is not None
    assert program.value(answer.x) == pytest.approx(value, abs=1e-6)


@EVERY
def test_an_infeasible_program_is_an_error(backend: Backend) -> None:
    """Tests that a program without points is refused in words, by every solver in the same way."""
    with pytest.raises(BackendError, match="infeasible"):
        backend.solve(dense([1.0], [[1.0], [-1.0]], [1.0, -2.0], [3.0]), 10.0)


@pytest.mark.parametrize("backend", [HighsBackend(), MathOptBackend("scip"), CpSatBackend(), CpSatBackend(False)])
def test_the_budget_is_kept(backend: Backend) -> None:
    """Tests that a hard program ends soon after its budget, with a bound above its value."""
    rng = np.random.default_rng(1)
    rows = rng.integers(1, 60, (12, 60)).astype(float).tolist()
    program = dense(rng.integers(1, 60, 60).astype(float).tolist(), rows, [400.0] * 12, [1.0] * 60)
    began = busy_seconds()
    answer = backend.solve(program, 0.2)
    assert busy_seconds() - began < 3.0
    if answer.x is not None and answer.bound is not None:
        assert program.violation(answer.x) <= 1e-6
        assert answer.bound >= program.value(answer.x) - 1e-6


@pytest.mark.parametrize("backend", [HighsBackend(), CpSatBackend()], ids=["highs", "cpsat"])
def test_equal_programs_get_equal_answers(backend: Backend) -> None:
    """Tests determinism: the same program twice gives the same point."""
    tasks = [Task(0.0, 1.0 + 0.1 * i, 50, (1, 2, 4), (0.05, 0.03, 0.02)) for i in range(8)]
    points = np.unique([0.0, *(task.due for task in tasks)])
    program = interval_program(tasks, points, 8 * np.diff(points), np.full(8, 1e-4)).linear
    first, second = backend.solve(program, 5.0), backend.solve(program, 5.0)
    assert first.x is not None and second.x is not None
    assert np.array_equal(first.x, second.x)


def test_exhaustive_search_refuses_what_is_too_large_or_continuous() -> None:
    """Tests that ground truth is only given where it can be."""
    with pytest.raises(BackendError, match="points"):
        ExhaustiveBackend(limit=100).solve(dense([1.0] * 7, [], [], [1.0] * 7), 1.0)
    with pytest.raises(BackendError, match="continuous"):
        ExhaustiveBackend().solve(replace(dense([1.0], [], [], [1.0]), integer=np.zeros(1, dtype=bool)), 1.0)


@pytest.mark.parametrize("kind", [MathOptBackend, PulpBackend])
def test_unknown_solvers_are_refused(kind: type[MathOptBackend] | type[PulpBackend]) -> None:
    """Tests that a misspelt solver is an error that lists the known ones."""
    with pytest.raises(ValueError, match="highs"):
        kind("gurobi")  # type: ignore[arg-type]
