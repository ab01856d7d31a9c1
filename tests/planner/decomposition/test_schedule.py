"""Cheapest schedules of whole steps: bounds from below and schedules enclose the truth."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.decomposition.schedule import cheapest_schedule, least_cost, ticks
from planner.outcomes import Floats
from planner.programs.intervals import Task

POINTS = np.array([0.0, 1.0, 1.7, 3.2, 4.0])


@st.composite
def instances(draw: st.DrawFn) -> tuple[Task, Floats]:
    """A task of up to four steps on two degrees, and prices in four intervals."""
    slow = draw(st.floats(0.2, 0.9))
    task = Task(
        draw(st.floats(0.0, 0.5)), draw(st.floats(3.0, 4.0)), draw(st.integers(1, 4)), (1, 2), (slow, 0.6 * slow)
    )
    prices = draw(st.lists(st.floats(0.0, 2.0), min_size=4, max_size=4))
    return task, np.outer([1.0, 2.0], prices)


@settings(max_examples=60, deadline=None)
@given(instances(), st.integers(0, 2**31))
def test_no_schedule_costs_less_than_the_least(instance: tuple[Task, Floats], seed: int) -> None:
    """Tests that random schedules at real times, each packed with random waits, cost at least the bound from below."""
    task, prices = instance
    least = least_cost(task, POINTS, prices)
    random = np.random.default_rng(seed)
    for _ in range(50):
        choice = random.integers(0, 2, task.steps)
        spare = task.due - task.release - sum(task.seconds[k] for k in choice)
        if spare < 0:
            continue
        waits = np.diff(np.sort(np.concatenate([[0.0], random.uniform(0.0, spare, task.steps)])))
        at, cost = task.release, 0.0
        for wait, k in zip(waits, choice, strict=True):
            at += wait
            spent = np.concatenate([[0.0], np.cumsum(prices[k] * np.diff(POINTS))])
            cost += float(np.interp(at + task.seconds[k], POINTS, spent) - np.interp(at, POINTS, spent))
            at += task.seconds[k]
        assert cost >= least - 1e-9


@settings(max_examples=60, deadline=None)
@given(instances())
def test_schedules_are_legal_and_near_the_least(instance: tuple[Task, Floats]) -> None:
    """Tests that steps follow one another in the window, cost what is said, and little more than the bound from below."""
    task, prices = instance
    found = cheapest_schedule(task, POINTS, prices)
    least = least_cost(task, POINTS, prices)
    assert found is not None
    ends = found.starts + np.array(task.seconds)[found.choice]
    assert found.starts[0] >= task.release - 1e-9 and ends[-1] <= task.due + 1e-9
    assert (found.starts[1:] >= ends[:-1] - 1e-9).all()
    used = found.used(task, POINTS)
    assert used.sum() == pytest.approx(sum(task.seconds[k] for k in found.choice))
    assert float((used * prices).sum()) == pytest.approx(found.cost, abs=1e-9)
    assert least - 1e-9 <= found.cost <= least + 0.05 * task.steps


def test_a_window_without_room_has_no_schedule() -> None:
    """Tests that steps that do not fit cost infinity, and have no schedule."""
    task = Task(0.0, 1.0, 3, (1, 2), (0.6, 0.4))
    assert least_cost(task, POINTS, np.zeros((2, 4))) == np.inf
    assert cheapest_schedule(task, POINTS, np.zeros((2, 4))) is None


def test_whole_steps_cost_more_than_fluid_ones() -> None:
    """Tests that a step of a second cannot use two free intervals of half a second beside a dear one between them."""
    points = np.array([0.0, 0.5, 1.5, 2.0])
    task = Task(0.0, 2.0, 1, (1,), (1.0,))
    prices = np.array([[0.0, 1.0, 0.0]])
    assert least_cost(task, points, prices) == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("up", [True, False])
def test_ticks_lose_little(up: bool) -> None:
    """Tests that rounding the published step times of an image of 2048 x 2048 changes none by more than a hundredth."""
    for degrees in itertools.combinations(range(4), 2):
        seconds = [(0.702, 0.381, 0.202, 0.108)[k] for k in degrees]
        assert ticks(Task(0.0, 6.0, 50, (1, 2), (seconds[0], seconds[1])), up)[1] <= 0.01
