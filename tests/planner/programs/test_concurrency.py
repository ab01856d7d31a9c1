"""Rows on concurrency: every schedule on disjoint groups keeps them, and they see what GPU-seconds alone do not."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.backends.highs import HighsBackend
from planner.outcomes import Floats
from planner.programs.concurrency import complete, levels, with_levels
from planner.programs.intervals import Intervals, Task, interval_program

DEGREES = (1, 2, 4, 8)


def program_of(tasks: list[Task], points: Floats, gpus: int, busy_until: list[float]) -> Intervals:
    """Return the interval program with its rows on concurrency, some GPUs being busy at first."""
    taken = np.clip(np.array(busy_until)[:, None] - points[:-1], 0.0, np.diff(points)).sum(axis=0)
    plain = interval_program(tasks, points, gpus * np.diff(points) - taken)
    return with_levels(plain, len(tasks), levels(gpus, DEGREES, points, busy_until))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_schedules_on_disjoint_groups_are_points(data: st.DataObject) -> None:
    """Tests that whatever runs at once on the GPUs that are free, for however long, breaks no row."""
    gpus = data.draw(st.sampled_from((4, 8, 6)))
    count = data.draw(st.integers(1, 5))
    busy_until = data.draw(st.lists(st.floats(0.01, 2.0), max_size=gpus))
    cuts = sorted({0.0, *busy_until, *data.draw(st.lists(st.floats(0.05, 4.0), min_size=2, max_size=8))})
    points = np.unique([0.0, *data.draw(st.lists(st.sampled_from(cuts[1:]), min_size=1, max_size=4)), cuts[-1]])
    usable = tuple(degree for degree in DEGREES if degree <= gpus)
    tasks = [Task(0.0, float(points[-1]), 10, usable, tuple(0.1 / d**0.7 for d in usable)) for _ in range(count)]
    program = program_of(tasks, points, gpus, busy_until)
    at = {
        key: count + column
        for column, key in enumerate(
            zip(program.task.tolist(), program.interval.tolist(), program.degree.tolist(), strict=True)
        )
    }
    point = np.zeros(program.linear.size)
    point[:count] = 1.0
    for begin, end in pairwise(cuts):
        free = gpus - sum(until > begin for until in busy_until)
        interval = int(np.searchsorted(points, begin, side="right")) - 1
        for task in data.draw(st.permutations(range(count))):
            degree = data.draw(st.sampled_from([0, *(degree for degree in usable if degree <= free)]))
            if degree:
                free -= degree
                point[at[task, interval, degree]] += end - begin
    linear = program.linear
    capacity = linear.capacity.copy()
    capacity[:count] = np.inf  # not all steps need be done
    assert replace(linear, capacity=capacity).violation(complete(program, point)) <= 1e-9


def test_nine_gpus_at_once_are_too_many() -> None:
    """Tests that a task on one of eight GPUs all along leaves no time for one that needs all of them half of it."""
    slow = Task(0.0, 2.0, 10, (1,), (0.2,))
    wide = Task(0.0, 2.0, 10, (8,), (0.1,))
    points = np.array([0.0, 2.0])
    plain = interval_program([slow, wide], points, np.array([16.0]))
    assert HighsBackend().solve(plain.linear, 1.0).bound == pytest.approx(2.0)
    sound = program_of([slow, wide], points, 8, [])
    assert HighsBackend().solve(sound.linear, 1.0).bound == pytest.approx(1.0)


def test_steps_in_progress_take_groups_away() -> None:
    """Tests that while one of eight GPUs is busy there is one group of four, and half a second later there are two."""
    found = {level.size: level.group_seconds for level in levels(8, DEGREES, np.array([0.0, 1.0, 3.0]), [0.5])}
    assert sorted(found) == [2, 4, 8]
    assert found[8] == pytest.approx([1.0, 2.0])  # one task may still run on the seven GPUs: it takes the group's place
    assert found[4] == pytest.approx([2.0, 4.0])
    half = {level.size: level.group_seconds for level in levels(8, DEGREES, np.array([0.0, 1.0, 3.0]), [0.5] * 4)}
    assert half[8] == pytest.approx([1.0, 2.0])
    assert half[4] == pytest.approx([0.5 * 1 + 0.5 * 2, 4.0])
    assert half[2] == pytest.approx([0.5 * 2 + 0.5 * 4, 8.0])


def test_sizes_with_many_groups_are_left_out() -> None:
    """Tests that on large clusters only the sizes stay of which there are few groups."""
    assert [level.size for level in levels(16, (1, 2, 4, 8), np.array([0.0, 1.0]))] == [4, 8]
    assert levels(64, (1, 2, 4, 8), np.array([0.0, 1.0])) == []


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_rows_only_lower_the_value(data: st.DataObject) -> None:
    """Tests that the program with the rows is worth at most as much as without."""
    tasks = []
    for _ in range(data.draw(st.integers(1, 5))):
        release = data.draw(st.floats(0.0, 2.0))
        seconds = data.draw(st.sampled_from((0.02, 0.1, 0.4)))
        due = release + data.draw(st.floats(0.5, 4.0))
        tasks.append(Task(release, due, 10, DEGREES, tuple(seconds / d**0.8 for d in DEGREES)))
    points = np.unique([time for task in tasks for time in (task.release, task.due)])
    plain = interval_program(tasks, points, 8 * np.diff(points))
    without = HighsBackend().solve(plain.linear, 10.0)
    sound = HighsBackend().solve(program_of(tasks, points, 8, []).linear, 10.0)
    assert without.bound is not None and sound.bound is not None
    assert sound.bound <= without.bound + 1e-6
