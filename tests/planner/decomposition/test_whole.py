"""Layers between fluid and whole steps, against the optimum of small instances."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.backends.cpsat import CpSatBackend
from planner.backends.highs import HighsBackend
from planner.decomposition.master import decompose
from planner.decomposition.moments import broken, heaviest, moment_bound, weights
from planner.decomposition.sets import set_bound, shared_program
from planner.decomposition.whole import on_ticks, whole_steps
from planner.programs.intervals import Task, interval_program
from planner.testing.step_program import step_program

TICK = 0.1
DEGREES = (1, 2, 4)
SOLVER = HighsBackend(gap=1e-6)


@st.composite
def instances(draw: st.DrawFn) -> list[Task]:
    """Two to four tasks of one to four steps whose times are whole ticks, that may be in time alone."""
    tasks = []
    for _ in range(draw(st.integers(2, 4))):
        release = draw(st.integers(0, 5))
        one = draw(st.integers(1, 4))
        degrees, lengths = draw(st.sampled_from((((1,), (one,)), ((1, 2), (one + 1, one)), ((1, 4), (2 * one, one)))))
        steps, weight = draw(st.integers(1, 4)), draw(st.sampled_from((1.0, 1.0, 2.0)))
        due = release + steps * min(lengths) + draw(st.integers(0, 6))
        times = tuple(length * TICK for length in lengths)
        tasks.append(Task(release * TICK, due * TICK, steps, degrees, times, weight))
    return tasks


def points_of(tasks: list[Task]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.unique(np.array([time for task in tasks for time in (task.release, task.due)]))


@settings(max_examples=40, deadline=None)
@given(instances())
def test_no_schedule_exceeds_a_layer(tasks: list[Task]) -> None:
    """Tests that the optimum of whole steps is at most the bound by columns, that at most the one by moments, and so on."""
    points = points_of(tasks)
    program = shared_program(tasks, points, 4, DEGREES)
    exact = CpSatBackend(presolve=True).solve(step_program(tasks, 4, TICK).linear, 20.0)
    moments, tighter = moment_bound(program, len(tasks), 4, np.diff(points), SOLVER, 20.0)
    columns = set_bound(tasks, points, tighter, 4, DEGREES, SOLVER, 20.0)
    assert exact.bound is not None and exact.status == "optimal"
    assert exact.bound <= columns.upper + 1e-6
    assert columns.upper <= moments.upper + 1e-6 <= moments.first + 2e-6


@settings(max_examples=40, deadline=None)
@given(instances())
def test_intervals_of_steps_find_the_same_optimum(tasks: list[Task]) -> None:
    """Tests that CP-SAT's intervals and the program of ticks agree, and that blocks of GPUs never serve more."""
    exact = CpSatBackend(presolve=True).solve(step_program(tasks, 4, TICK).linear, 20.0)
    found = whole_steps(tasks, 4, TICK, 20.0)
    placed = whole_steps(tasks, 4, TICK, 20.0, found.value, placed=True)
    assert exact.bound is not None
    assert found.value == found.upper == pytest.approx(exact.bound)
    assert placed.value <= found.value


@settings(max_examples=30, deadline=None)
@given(instances())
def test_the_master_is_enclosed(tasks: list[Task]) -> None:
    """Tests that the master's two sides do not cross, lie within the relaxation, and that the upper holds for the optimum."""
    points = points_of(tasks)
    found = decompose(tasks, points, shared_program(tasks, points, 4, DEGREES), rounds=60)
    exact = CpSatBackend(presolve=True).solve(step_program(tasks, 4, TICK).linear, 20.0)
    assert exact.bound is not None
    assert found.lower <= found.upper + 1e-9
    assert exact.bound - 1e-6 <= found.upper <= found.relaxed + 1e-6


def test_columns_see_what_fluid_steps_hide() -> None:
    """Tests that two tasks that each must do a long step at the same time count once by columns, and twice without them."""
    pair = [Task(0.0, 1.5, 1, (1,), (1.0,)), Task(0.6, 1.1, 1, (1,), (0.5,))]
    points = points_of(pair)
    program = shared_program(pair, points, 1, (1,))
    moments, tighter = moment_bound(program, 2, 1, np.diff(points), SOLVER, 20.0)
    columns = set_bound(pair, points, tighter, 1, (1,), SOLVER, 20.0)
    assert (moments.first, moments.upper, columns.upper) == (2.0, 2.0, 1.0)
    assert columns.rows == 1 and columns.served


def test_a_moment_says_more_than_gpu_seconds() -> None:
    """Tests that one task on all GPUs for half of an interval and one on a single GPU for all of it break a row."""
    found = weights(np.array([0, 1]), np.array([8, 1]), np.array([0.5, 1.0]), 8, 1.0)
    assert found is not None
    assert float(found[0] @ [0.5, 1.0]) > found[1] * (1.0 + 1e-6)
    assert weights(np.array([0, 1]), np.array([8, 1]), np.array([0.5, 0.5]), 8, 1.0) is None


def test_rows_on_concurrency_are_rows_on_moments() -> None:
    """Tests that from GPU-seconds alone, rows on moments bring a program to what its rows on concurrency bring it to."""
    tasks = [Task(0.0, 1.0, 5, (8,), (0.1,)), Task(0.0, 1.0, 10, (1,), (0.1,))]
    points = points_of(tasks)
    plain = interval_program(tasks, points, 8 * np.diff(points))
    found, last = moment_bound(plain, 2, 8, np.diff(points), SOLVER, 20.0)
    assert (found.first, found.upper, found.closed) == (2.0, 1.0, True)
    assert found.rows > 0
    assert not broken(last, SOLVER.solve(last.linear, 20.0).x, 2, 8, np.diff(points))  # type: ignore[arg-type]
    assert moment_bound(shared_program(tasks, points, 8, (1, 8)), 2, 8, np.diff(points), SOLVER, 20.0)[0].first == 1.0


def test_the_heaviest_choice_is_a_knapsack() -> None:
    """Tests that at most one offer of each task is chosen, within the GPUs, and no better choice exists."""
    items = [[(1, 0), (4, 1)], [(2, 2), (4, 3)], [(1, 4)]]
    best, choice = heaviest(items, np.array([1.0, 5.0, 2.0, 4.5, 1.0]), 4)
    assert (best, sorted(choice)) == (5.0, [1])
    best, choice = heaviest(items, np.array([1.5, 5.0, 2.0, 4.5, 2.0]), 4)
    assert (best, sorted(choice)) == (5.5, [0, 2, 4])


def test_steps_done_together_take_no_less() -> None:
    """Tests that fewer and longer steps are rounded against the task, and that a task that cannot be in time is left out."""
    task = on_ticks(Task(0.01, 3.05, 10, (1, 2), (0.31, 0.155)), 5, 0.1)
    assert task is not None
    assert (task.release, task.due, task.steps, task.degrees) == (pytest.approx(0.1), pytest.approx(3.0), 2, (1, 2))
    assert task.seconds == pytest.approx((1.6, 0.8))
    assert on_ticks(Task(0.0, 1.0, 10, (1,), (0.1,)), 10, 0.3) is None
