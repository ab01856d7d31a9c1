"""Profiles of steps in service."""

from __future__ import annotations

from dataclasses import replace

import pytest

from executor.engine import Segment, Staged
from executor.physics import MOST_NOISE
from experiments.fidelity.service import Observed, in_service, pooled
from planner.request import Request
from profiles import Profile, Shape, StageEntry, StepEntry

SMALL, LARGE = Shape(64, 64), Shape(128, 128)
DATE = "2026-01-01"


def alone(seconds: float = 0.01, spread: float = 0.1) -> Profile:
    """Steps of two shapes at two degrees, and the stages of one."""
    entries = tuple(
        StepEntry(shape, degree, 1, "local" if degree == 1 else "cpu", seconds, spread, "measured", "test", DATE)
        for shape in (SMALL, LARGE)
        for degree in (1, 2)
    )
    stages = tuple(
        StageEntry(SMALL, stage, seconds, "measured", "test", DATE)
        for stage, seconds in (("decode", 0.5), ("write", 0.1))
    )
    return Profile("test", "test", "test", ("cpu",), 1, entries, stages)


def test_pooled_is_the_mean() -> None:
    """Tests that repeated measurements are averaged, and that a spread is one that the simulation can draw from."""
    made = pooled([alone(0.01, 0.4), alone(0.03, 0.6)])
    assert made.step_time(LARGE, 2, "cpu") == pytest.approx(0.02)
    assert made.entry(SMALL, 1, "local").spread == MOST_NOISE
    assert made.decode_time(SMALL) == 0.5


def test_steps_and_stages_of_runs() -> None:
    """Tests that a step in service is a segment's time over its steps, and that the rest is slowed down as much."""
    requests = (Request(0, SMALL, 8, 0.0, 1.0), Request(1, LARGE, 8, 0.0, 1.0))
    segments = (
        Segment((0,), (0,), 0.0, 0.04, 2),
        Segment((0,), (0,), 0.1, 0.14, 2),
        Segment((1,), (0, 1), 0.2, 0.24, 1),
    )
    images = (Staged("decode", 0, 0, 1.0, 1.6, freed=1.5), Staged("decode", 0, 0, 2.0, 2.8, freed=2.5))
    run = Observed(requests, segments, images, (0.001,))
    made = in_service(alone(), [run])
    assert made.step_time(SMALL, 1, "local") == pytest.approx(0.02)
    assert made.step_time(LARGE, 2, "cpu") == pytest.approx(0.04)
    assert made.step_time(LARGE, 1, "local") == pytest.approx(0.01 * (2 + 4) / 2)
    assert made.decode_time(SMALL) == pytest.approx(0.7) and made.write_time(SMALL) == pytest.approx(0.2)


def test_nothing_observed_is_as_alone() -> None:
    """Tests that without runs a profile in service is the one measured alone, under its own name."""
    made = in_service(alone(), [])
    assert made.name == "test in service"
    assert [entry.seconds for entry in made.entries] == [entry.seconds for entry in alone().entries]
    assert replace(made, name="test").steps == alone().steps
