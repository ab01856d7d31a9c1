"""Tests for executor.interrupt."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from executor.interrupt import interrupts_wait


@pytest.fixture(params=[signal.SIGINT, signal.SIGTERM])
def number(request: pytest.FixtureRequest) -> Iterator[int]:
    """A signal that interrupts, as it does in a run from the command line."""
    before = signal.signal(request.param, signal.default_int_handler)
    yield request.param
    signal.signal(request.param, before)


def test_is_raised_where_nothing_is_half_done(number: int) -> None:
    """Tests that an interrupt wakes whoever waits, and is raised at the next moment that is said to be fit for it."""
    woken: list[bool] = []
    with pytest.raises(KeyboardInterrupt), interrupts_wait(lambda: woken.append(True)) as rest:
        rest()
        os.kill(os.getpid(), number)
        work = sum(range(1000))
        assert work == 499500 and woken == [True]
        rest()
        pytest.fail("it goes on")
    assert signal.getsignal(number) is signal.default_int_handler


def test_a_second_one_is_not_held_back(number: int) -> None:
    """Tests that whoever presses ctrl-C twice does not wait."""
    with pytest.raises(KeyboardInterrupt), interrupts_wait(lambda: None):
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)
        pytest.fail("it goes on")


def test_none_is_lost(number: int) -> None:
    """Tests that an interrupt after the last fit moment ends a program that goes on to something else."""
    with pytest.raises(KeyboardInterrupt), interrupts_wait(lambda: None):
        os.kill(os.getpid(), number)


def test_leaves_handlers_of_others_alone() -> None:
    """Tests that a program that sees to signals itself goes on to."""
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    try:
        with interrupts_wait(lambda: None) as rest:
            os.kill(os.getpid(), signal.SIGINT)
            rest()
        assert heard == [signal.SIGINT]
    finally:
        signal.signal(signal.SIGINT, before)
