"""Prices on GPU time: a bound above every point of the program, and a point that is one."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.backends.highs import HighsBackend
from planner.programs.images import with_images
from planner.programs.intervals import Task, interval_program
from planner.programs.offers import kinds_of
from planner.programs.prices import _dual, _level, bound_by_prices, serve_by_prices


def test_the_first_price_sells_all_gpu_time() -> None:
    """Tests that at the first price no more GPU time is asked for than there is, and at a slightly lower one more is."""
    tasks = [Task(0.0, 4.0 + 0.1 * i, 10 + i, (1, 2, 4), (0.5, 0.3, 0.2), 1.0 + 0.01 * i) for i in range(12)]
    points = np.array([0.0, 4.0, 5.2])
    gpu_seconds = np.array([20.0, 6.0])
    kinds = kinds_of(tasks, points)
    prices = _level(kinds, gpu_seconds)
    assert _dual(kinds, prices, gpu_seconds)[1].sum() >= 0.0 > _dual(kinds, 0.999 * prices, gpu_seconds)[1].sum()


def test_free_gpu_time_has_a_bound_below_all_tasks() -> None:
    """Tests that a bound falls below the sum of weights where all GPU time is not sold, but that of a single interval is."""
    tasks = [*(Task(0.0, 1.0, 10, (1, 2), (0.1, 0.06)) for _ in range(4)), Task(0.0, 9.0, 10, (1, 2), (0.1, 0.06))]
    assert bound_by_prices(tasks, np.array([0.0, 1.0, 9.0]), np.array([2.0, 16.0])) == 3.0


def test_images_cost_what_steps_cost() -> None:
    """Tests that one GPU has time for one of three tasks with images of a second, for two without, and for what is later."""
    points, gpu_seconds = np.array([0.0, 2.0, 3.0]), np.array([2.0, 1.0])
    for decode, most in ((1.0, 1.0), (0.0, 2.0), (0.5, 2.0)):
        tasks = [Task(0.0, 2.0, 10, (1,), (0.1,), decode=decode) for _ in range(3)]
        served = serve_by_prices(tasks, points, gpu_seconds)
        assert (served.value, served.bound) == (most, most)
    late = [Task(0.0, 2.0, 10, (1,), (0.1,), decode=1.0) for _ in range(2)]
    assert serve_by_prices(late, points[:2], gpu_seconds[:1]).value == 2.0


@st.composite
def backlogs(draw: st.DrawFn) -> tuple[list[Task], int]:
    """Up to six tasks, most with an image to make, and GPUs for few of them."""
    tasks = []
    for _ in range(draw(st.integers(1, 6))):
        steps, decode = draw(st.integers(1, 10)), draw(st.sampled_from((0.0, 0.3, 1.5)))
        release = draw(st.sampled_from((0.0, 0.5)))
        due = release + 0.06 * steps + draw(st.floats(0.0, 2.0))
        weight = draw(st.sampled_from((1.0, 1.0, 2.5)))
        tasks.append(Task(release, due, steps, (1, 2), (0.1, 0.06), weight, decode=decode))
    return tasks, draw(st.integers(1, 3))


@settings(max_examples=100, deadline=None)
@given(backlogs(), st.booleans())
def test_the_optimum_lies_between_what_is_served_and_the_bound(
    backlog: tuple[list[Task], int], to_the_end: bool
) -> None:
    """Tests a program with images against a solver, on a grid that ends with the last deadline or the last image."""
    tasks, gpus = backlog
    ends = [task.due + (task.decode if to_the_end else 0.0) for task in tasks]
    points = np.unique([0.0, 0.5, *(task.due for task in tasks), *ends])
    gpu_seconds = gpus * np.diff(points)
    linear = with_images(interval_program(tasks, points, gpu_seconds), tasks, points).linear
    answer = HighsBackend(gap=1e-9).solve(linear, 5.0)
    assert answer.x is not None and answer.bound is not None
    optimum = linear.value(answer.x)
    served = serve_by_prices(tasks, points, gpu_seconds)
    assert served.value <= optimum + 1e-6 and answer.bound <= served.bound + 1e-6
