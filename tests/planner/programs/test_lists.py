"""List schedules of the backlog."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.programs.intervals import Task
from planner.programs.lists import allot, list_schedule


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_degrees_are_those_that_the_rule_gives_at_the_start_of_each_phase(data: st.DataObject) -> None:
    """Tests phases against the rule, on few GPUs and on so many that all tasks run at their fastest at once."""
    tasks = []
    for _ in range(data.draw(st.integers(1, 6))):
        release, base = data.draw(st.floats(0.0, 0.2)), data.draw(st.sampled_from((0.02, 0.1, 0.7)))
        degrees = data.draw(st.sampled_from(((1, 2), (1, 2, 4, 8), (2, 4))))
        due, steps = release + data.draw(st.floats(0.1, 9.0)), data.draw(st.integers(1, 50))
        tasks.append(Task(release, due, steps, degrees, tuple(base / d**0.8 for d in degrees)))
    gpus = data.draw(st.sampled_from((8, 16, 64)))
    schedule = list_schedule(tasks, 0.0, gpus)
    left = [float(task.steps) for task in tasks]
    order = sorted(range(len(tasks)), key=lambda i: (tasks[i].due, i))
    for phase in schedule.phases:
        order = [i for i in order if left[i] > 1e-6]
        if phase.end - phase.start < 1e-6:
            continue
        assert phase.degrees == allot(tasks, left, order, phase.start, gpus)
        for i, degree in phase.degrees.items():
            step = tasks[i].seconds[tasks[i].degrees.index(degree)]
            left[i] -= max(0.0, phase.end - max(phase.start, tasks[i].release)) / step
            if left[i] <= 1e-6:
                assert schedule.ends[i] == pytest.approx(phase.end)
    assert max(left) <= 1e-5


@pytest.mark.parametrize(("due", "degree"), [(1.06, 1), (1.04, 2), (0.64, 2), (0.61, 4), (0.51, 4)])
def test_a_degree_below_the_fastest_leaves_half_a_step(due: float, degree: int) -> None:
    """Tests a task with less than half a step to spare on one or two GPUs: it takes more of them, unless it runs there."""
    task = Task(0.0, due, 10, (1, 2, 4), (0.1, 0.06, 0.05))
    assert allot([task], [10.0], [0], 0.0, 4, widen=False) == {0: degree}
    held = 1 if due > 1.0 else 2 if due > 0.6 else 4
    assert allot([replace(task, held=held)], [10.0], [0], 0.0, 4, widen=False) == {0: held}
