"""The step-level program: real schedules, and never more than the fluid program promises."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.backends.cpsat import CpSatBackend
from planner.backends.highs import HighsBackend
from planner.programs.concurrency import levels, with_levels
from planner.programs.intervals import Task, interval_program
from planner.testing.step_program import step_program

TICK = 0.1


@st.composite
def instances(draw: st.DrawFn) -> list[Task]:
    """Up to three tasks of one to four steps whose times are whole ticks."""
    tasks = []
    for _ in range(draw(st.integers(1, 3))):
        release = draw(st.integers(0, 5))
        one = draw(st.integers(1, 4))
        degrees, seconds = draw(st.sampled_from((((1,), (one,)), ((1, 2), (one + 1, one)), ((1, 4), (2 * one, one)))))
        due = release + draw(st.integers(1, 14))
        times = tuple(s * TICK for s in seconds)
        steps, weight = draw(st.integers(1, 4)), draw(st.sampled_from((1.0, 2.0)))
        tasks.append(Task(release * TICK, due * TICK, steps, degrees, times, weight))
    return tasks


@settings(max_examples=50, deadline=None)
@given(instances())
def test_whole_steps_never_beat_the_fluid_program(tasks: list[Task]) -> None:
    """Tests that the exact optimum is at most the deadline-interval program's: the latter is a bound."""
    exact = CpSatBackend(presolve=True).solve(step_program(tasks, 4, TICK).linear, 20.0)
    points = np.unique(np.array([time for task in tasks for time in (task.release, task.due)]))
    plain = interval_program(tasks, points, 4 * np.diff(points))
    fluid = HighsBackend().solve(with_levels(plain, len(tasks), levels(4, (1, 2, 4), points)).linear, 20.0)
    assert exact.status == "optimal"
    assert exact.bound is not None and fluid.bound is not None
    assert exact.bound <= fluid.bound + 1e-6


@settings(max_examples=50, deadline=None)
@given(instances())
def test_points_are_schedules(tasks: list[Task]) -> None:
    """Tests by replay that served tasks get all steps, one at a time, from release to due, on the GPUs there are."""
    program = step_program(tasks, 4, TICK)
    x = CpSatBackend(presolve=True).solve(program.linear, 20.0).x
    assert x is not None
    chosen = np.flatnonzero(x[len(tasks) :] > 0.5)
    load = np.zeros(100)
    busy = np.zeros((len(tasks), 100))
    steps = np.zeros(len(tasks))
    for column in chosen.tolist():
        i, begin, length = int(program.task[column]), int(program.tick[column]), int(program.ticks[column])
        assert tasks[i].release <= begin * TICK + 1e-9
        assert (begin + length) * TICK <= tasks[i].due + 1e-9
        load[begin : begin + length] += program.degree[column]
        busy[i, begin : begin + length] += 1
        steps[i] += 1
    assert load.max() <= 4
    assert busy.max() <= 1
    for i, task in enumerate(tasks):
        assert x[i] < 0.5 or steps[i] >= task.steps


@pytest.mark.parametrize(("due", "value"), [(0.4, 2.0), (0.3, 1.0)])
def test_whole_steps_by_hand(due: float, value: float) -> None:
    """Tests two tasks of two steps of 0.1 s on one GPU: both fit into 0.4 s, one into 0.3 s."""
    tasks = [Task(0.0, due, 2, (1,), (0.1,)), Task(0.0, due, 2, (1,), (0.1,))]
    answer = CpSatBackend(presolve=True).solve(step_program(tasks, 1, TICK).linear, 10.0)
    assert answer.bound == pytest.approx(value)


def test_rounding_of_steps_is_where_exact_and_fluid_part() -> None:
    """Tests a case of whole steps: three steps cannot be shared by two GPUs in 1.5 steps' time, seconds can."""
    tasks = [Task(0.0, 0.3, 1, (1,), (0.2,)) for _ in range(3)]
    points = np.array([0.0, 0.3])
    fluid = HighsBackend().solve(interval_program(tasks, points, 2 * np.diff(points)).linear, 10.0)
    exact = CpSatBackend(presolve=True).solve(step_program(tasks, 2, TICK).linear, 10.0)
    assert (fluid.bound, exact.bound) == (pytest.approx(3.0), pytest.approx(2.0))
