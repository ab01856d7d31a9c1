"""Which ends of segments call for a decision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from executor.loop import serve
from executor.physics import Physics
from executor.records import Records
from executor.service import Service
from executor.simulated import SimulatedEngine
from planner.cluster import Cluster
from planner.plan import Assignment, Certificate, Plan
from planner.request import Request
from planner.round import Round
from planner.solvers.priority import Edf, Srtf
from planner.solvers.protocol import Solver
from tests.strategies import EVENTS, LARGE, MEDIUM, SHAPES, TOY, request

ALL_GPUS = Cluster.nvlink(8)
ALL = ALL_GPUS.groups(8)[0]
TWO = (request(0, LARGE, 10, 0.0), request(1, MEDIUM, 10, 0.15))


@dataclass(frozen=True)
class Last:
    """Runs the job that came last on all GPUs, or nothing, and stops the others."""

    foreseen: bool
    nothing: bool = False
    name: str = "last"
    preemptive: bool = True

    def solve(self, round_: Round, budget: float) -> Plan:
        """Plan."""
        last = round_.jobs[-1]
        stops = self.nothing and len(round_.jobs) > 1 and round_.jobs[0].running
        run = () if stops else (Assignment((last.id,), ALL, last.steps_left),)
        return Plan(run, Certificate(self.name), foreseen=self.foreseen)


def decisions(solver: Solver, requests: tuple[Request, ...], noise: float = 0.0) -> Records:
    """Serve requests on eight GPUs."""
    engine = SimulatedEngine(ALL_GPUS, TOY, requests, Physics(noise=noise), np.random.default_rng(0))
    return serve(Service(ALL_GPUS, TOY, solver, EVENTS), engine, Records(requests))


@pytest.mark.parametrize(("foreseen", "at"), [(True, [0.0, 0.15, 0.45]), (False, [0.0, 0.15, 0.2, 0.45])])
def test_a_stop_that_is_foreseen_calls_for_no_decision(foreseen: bool, at: list[float]) -> None:
    """Tests the step boundary at .2 s of a job that the plan of .15 s stops, for another that ends at .45 s."""
    records = decisions(Last(foreseen), TWO)
    assert records.complete
    assert [d.at for d in records.decisions] == pytest.approx(at)


def test_a_stop_for_nothing_calls_for_a_decision() -> None:
    """Tests that a plan which runs nothing is made anew when what it stops has stopped, or nothing would ever run again."""
    records = decisions(Last(foreseen=True, nothing=True), TWO)
    assert records.complete
    assert [d.at for d in records.decisions][:3] == pytest.approx([0.0, 0.15, 0.2])


@pytest.mark.parametrize("solver", [Edf(), Srtf()], ids=["edf", "srtf"])
def test_rules_are_asked_when_somebody_comes_or_leaves(solver: Solver) -> None:
    """Tests that beside arrivals and ends there are few decisions, under a load that leaves time in hand."""
    rng = np.random.default_rng(1)
    arrivals = np.cumsum(rng.exponential(2.5, 60)).tolist()
    requests = tuple(request(i, SHAPES[i % 3], 40, at, at + 8.0 * (1 + i % 3)) for i, at in enumerate(arrivals))
    records = decisions(solver, requests, noise=1.0)
    assert records.complete
    assert len(records.decisions) <= 2.2 * len(requests)
