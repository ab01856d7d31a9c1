"""Rounds follow what the planner believes and what is served; a length of one's own is taken, and its waste is noted."""

from __future__ import annotations

import pytest

from experiments.cli import compose
from experiments.config.build import Setup, build
from profiles import Shape

MANY = "workload.requests=60"


def rounds(*overrides: str) -> Setup:
    return build(compose(["solver=dp", MANY, *overrides]))


def tau(*overrides: str) -> float:
    return rounds(*overrides).service.cadence.tau


def test_rounds_hold_two_steps_of_the_slowest_shape() -> None:
    """Tests FLUX.1-dev on 8 H100: two steps of 2048x2048 on 8 GPUs, and no note."""
    assert tau() == pytest.approx(2 * 0.108345 * 1.0005, rel=1e-4)
    assert rounds().notes == ()


def test_rounds_follow_the_belief() -> None:
    """Tests that a planner which believes steps to be longer makes longer rounds, whatever they are."""
    assert tau("profile.error=1.2") == pytest.approx(1.2 * tau(), rel=0.02)


def test_rounds_follow_shapes_and_cluster() -> None:
    """Tests that without large images, or with fewer GPUs, rounds are others."""
    assert tau("workload.mix=homogeneous-256") < 0.05
    assert tau("cluster.gpus=1", "cluster=switch") > 1.4


def test_one_degree_is_enough() -> None:
    """Tests a cluster of one GPU, where every shape has degree 1 alone."""
    setup = rounds("cluster.gpus=1")
    assert setup.service.cluster.degrees == (1,)
    assert setup.service.cadence.tau >= 2 * setup.service.profile.step_time(Shape(2048, 2048), 1, "nvlink")


def test_a_length_of_ones_own_is_kept_and_its_waste_noted() -> None:
    """Tests .4 s, of which 2048x2048 loses 19 %, by number and counted in steps."""
    for given in (("cadence.tau=0.4",), ("cadence.steps=5",)):
        setup = rounds(*given)
        assert setup.service.cadence.tau == pytest.approx(0.4, rel=1e-3)
        (note,) = setup.notes
        assert "19%" in note and "2048x2048" in note and "3 steps" in note


def test_events_have_no_waste() -> None:
    """Tests that a horizon is no round."""
    setup = build(compose(["cadence.tau=0.4", MANY]))
    assert setup.service.cadence.kind == "events"
    assert setup.notes == ()


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (("cadence.tau=0.05",), ["cadence.tau", "0.05", "2048x2048", "auto"]),
        (("cadence.tau=0",), ["cadence.tau", "0"]),
        (("cadence.tau=never",), ["cadence.tau", "never", "auto"]),
        (("cadence.tau=null",), ["cadence.tau", "None"]),
        (("cadence=events", "cadence.tau=auto"), ["cadence.tau", "auto", "rounds"]),
        (("cadence.steps=5", "cadence.tau=0.4"), ["cadence.tau", "cadence.steps", "one of them"]),
        (("cadence.steps=0",), ["cadence.steps", "0"]),
        (("cadence.steps=5", "cadence.degree=3"), ["cadence.degree", "3"]),
    ],
)
def test_what_is_wrong_is_named(overrides: tuple[str, ...], words: list[str]) -> None:
    """Tests that a length that cannot be is refused with the field, the value and what would be right."""
    with pytest.raises(ValueError) as error:
        rounds(*overrides)
    assert all(word in str(error.value) for word in words), str(error.value)
