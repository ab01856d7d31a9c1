"""What the shipped checks find: nothing in our own classes, and every broken rule in others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from planner import (
    Assignment,
    AssignmentProgram,
    Certificate,
    Lookahead,
    Plan,
    Round,
)
from planner.backends.cpsat import CpSatBackend
from planner.backends.highs import HighsBackend
from planner.backends.mathopt import MathOptBackend
from planner.backends.protocol import Solution
from planner.backends.pulp import PulpBackend
from planner.programs.linear import LinearProgram
from planner.testing import ConformanceError, check_backend, check_program, check_solver, small_rounds

CLAIM = Certificate("mine")


@pytest.mark.parametrize(
    "backend", [CpSatBackend(), HighsBackend(), MathOptBackend(), PulpBackend()], ids=lambda b: b.name
)
def test_our_backends_pass(backend: Any) -> None:
    """Every backend finds the optimum of small programs and claims no more."""
    check_backend(backend)


@pytest.mark.parametrize(
    "program", [Lookahead(), AssignmentProgram(), AssignmentProgram("groups"), AssignmentProgram(batching=True)]
)
def test_our_programs_pass(program: Any) -> None:
    """Every program has a feasible start, legal plans and true bounds."""
    check_program(program)


def test_small_rounds_have_something_of_everything() -> None:
    """Nobody, one and many; waiting, running and late; both cadences; one GPU and eight."""
    rounds = small_rounds()
    jobs = [job for round_ in rounds for job in round_.jobs]
    assert min(len(round_.jobs) for round_ in rounds) == 0 and max(len(round_.jobs) for round_ in rounds) >= 12
    assert {round_.cadence.kind for round_ in rounds} == {"events", "rounds"}
    assert {1, 8} <= {round_.cluster.gpus for round_ in rounds}
    assert any(job.running for job in jobs) and any(not job.running for job in jobs)
    assert any(round_.hopeless(job) for round_ in rounds for job in round_.jobs)


@dataclass
class Mine:
    """A solver that does what it is told."""

    act: Callable[[Round], Any]
    name: str = "mine"
    preemptive: bool = True

    def solve(self, round_: Round, budget: float) -> Any:
        """Act."""
        return self.act(round_)


def first(round_: Round, **changes: Any) -> Plan:
    """The first waiting job on the first group, changed."""
    waiting = [job for job in round_.jobs if not job.running]
    if not waiting:
        return Plan((), CLAIM)
    one = Assignment((waiting[0].id,), round_.cluster.all_groups[0], 1)
    return Plan((replace(one, **changes),), CLAIM)


def spoil(round_: Round) -> Plan:
    """Change what the round knows."""
    for job in round_.jobs:
        round_.costs.of(job.request.shape).step_time[1] += 1.0
    return Plan((), CLAIM)


RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda round_: None, "returned NoneType; a planner.Plan is needed"),
        (lambda round_: [], "returned list"),
        (lambda round_: first(round_, jobs=(999,)), "request 999 is not live"),
        (lambda round_: first(round_, steps=51), "steps left"),
        (lambda round_: Plan(first(round_).assignments * 2, CLAIM), "GPU once"),
        (
            lambda round_: first(round_) if RANDOM.random() < 0.5 else Plan((), CLAIM),
            "keep no state, draw nothing at random",
        ),
        (spoil, "solve() changed the round"),
        (lambda round_: Plan((), Certificate("mine", "feasible", 2.0, 1.0)), "exceeds its bound"),
    ],
)
def test_broken_rules_are_named(act: Callable[[Round], Any], words: str) -> None:
    """What a solver does wrong on a small round is an error that says what, and on which round."""
    with pytest.raises(ConformanceError, match="on example round") as error:
        check_solver(Mine(act))
    assert words in str(error.value)


def test_what_is_no_solver_is_named() -> None:
    """No method, another signature, and no name."""

    class Short:
        name, preemptive = "short", True

        def solve(self, round_: Round) -> None:
            """Take too little."""

    for thing, words in (
        (object(), r"no method solve\(round_, budget\)"),
        (Short(), r"solve\(round_.*does not take"),
        (replace(Mine(first), name=3), "needs a name"),  # type: ignore[arg-type]
    ):
        with pytest.raises(ConformanceError, match=words):
            check_solver(thing)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda p: Solution(None, None, 0.0, 0.0, "none"), "misses the optimum"),
        (lambda p: Solution(p.upper + 5.0, None, 0.0, 0.0, "none"), "breaks a constraint"),
        (lambda p: Solution(p.start, -100.0, 0.0, 0.0, "none"), "is below the optimum"),
    ],
)
def test_backends_that_are_wrong_are_named(answer: Callable[[LinearProgram], Solution], words: str) -> None:
    """No point, a point outside, and a bound below the optimum."""

    class Backend:
        name = "mine"

        def solve(self, program: LinearProgram, budget: float) -> Solution:
            """Answer."""
            return answer(program)

    with pytest.raises(ConformanceError, match=words):
        check_backend(Backend())


def test_a_program_that_lacks_something_is_named() -> None:
    """What is missing is listed."""
    with pytest.raises(ConformanceError, match="it lacks check, model, measure, rough, looks_ahead"):
        check_program(object())
