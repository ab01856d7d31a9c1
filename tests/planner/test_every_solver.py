"""What holds for every solver, on random rounds and on whole runs; a new solver is one more line in ``SOLVERS``."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from executor.loop import serve
from executor.physics import Physics
from executor.records import Records
from executor.service import PlannerLatency, Service
from executor.simulated import SimulatedEngine
from planner.check import check_plan
from planner.cluster import Cluster
from planner.objectives import GpuSeconds, Level, Lexicographic, OnTime, Progress, Survivors, Term, Weighted
from planner.programs.assignment import AssignmentProgram
from planner.request import Request
from planner.round import EPSILON, Cadence, Round
from planner.solvers.dp import GreedyDp
from planner.solvers.exact import Cbc, CpSat, Highs, Scip
from planner.solvers.fixed import Fixed, Rssp
from planner.solvers.moore import Moore
from planner.solvers.priority import Edf, Srtf
from planner.solvers.protocol import Solver
from planner.testing import check_solver
from profiles.profile import Profile
from tests.replay import replay
from tests.strategies import CLUSTERS, SHAPES, TOY, cadences, profile_of, rounds, workloads

SOLVERS: dict[str, Solver] = {
    "fixed-1": Fixed(1),
    "fixed-2": Fixed(2),
    "fixed-4": Fixed(4),
    "rssp": Rssp(),
    "edf": Edf(),
    "edf-rigid": Edf(elastic=False),
    "edf-admission": Edf(admission=True, late="brief"),
    "srtf-1": Srtf(1),
    "srtf-2": Srtf(2, chunk=3),
    "srtf-4": Srtf(4, elastic=True, admission=True, late="quiet"),
    "moore": Moore(),
    "moore-idle": Moore(late="idle"),
    "dp": GreedyDp(),
    "dp-brief": GreedyDp(late="brief"),
    "dp-schedule-only": GreedyDp(preserve=False, elastic=False),
    "dp-all-degrees": GreedyDp(allocation=False, waiting=False),
    "cpsat": CpSat(),
    "cpsat-assignment": CpSat(AssignmentProgram(), Survivors()),
    "cpsat-groups": CpSat(AssignmentProgram("groups"), Weighted((Term(OnTime()), Term(Progress(), 0.01)))),
    "cpsat-batches": CpSat(AssignmentProgram(batching=True), Survivors()),
    "cpsat-lexicographic": CpSat(AssignmentProgram(), Lexicographic((Level(Survivors()), Level(GpuSeconds(), 0.01)))),
    "highs": Highs(),
    "highs-assignment": Highs(AssignmentProgram(), Survivors(), GreedyDp()),
    "scip": Scip(),
    "cbc": Cbc(),
}
PREEMPTIVE = {name: solver for name, solver in SOLVERS.items() if solver.preemptive}
"""All but those of one degree for a request from beginning to end, whatever it costs."""
SERVED = tuple(cluster for cluster in CLUSTERS if {1, 2, 4} <= set(cluster.degrees))
"""Clusters on which every solver above can serve every shape."""

STAGED = profile_of(stages={shape: (0.05 * (1 + i), 0.1 * (1 + i)) for i, shape in enumerate(SHAPES)}, name="staged")


EXACT = Physics(noise=0.0, regroup_seconds=0.003)


def run(
    solver: Solver,
    requests: tuple[Request, ...],
    cluster: Cluster,
    cadence: Cadence,
    profile: Profile = TOY,
    physics: Physics = EXACT,
    seed: int = 0,
    **service: object,
) -> Records:
    """Serve requests on a simulated cluster."""
    engine = SimulatedEngine(cluster, profile, requests, physics, np.random.default_rng(seed))
    service.setdefault("stages", physics.stages)
    if solver.name == "cbc":
        service.setdefault("budget", 1.0)  # as in its configuration: below, CBC could not even start
    return serve(Service(cluster, profile, solver, cadence, **service), engine, Records(requests))  # type: ignore[arg-type]


def trace(records: Records) -> tuple[object, ...]:
    """Everything in records but wall-clock times."""
    return (
        list(records.delivered.items()),
        list(records.dropped.items()),
        [tuple(segment) for segment in records.segments],
        [tuple(decision)[:11] for decision in records.decisions],
        records.ended,
        records.complete,
    )


every_solver = pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)


@every_solver
def test_every_solver_passes_the_shipped_checks(solver: Solver) -> None:
    """Tests that what a user's solver must keep (:mod:`planner.testing`), ours keep."""
    check_solver(solver, budget=1.0 if solver.name == "cbc" else 0.05)


@every_solver
@settings(max_examples=40)
@given(round_=rounds())
def test_plans_are_legal(solver: Solver, round_: Round) -> None:
    """Tests that the plan of any round passes the check: groups disjoint and legal, steps in range, jobs once."""
    plan = solver.solve(round_, 0.05)
    check_plan(round_, plan)
    assert plan.certificate.solver == solver.name
    if plan.certificate.value is not None and plan.certificate.bound is not None:
        assert plan.certificate.value <= plan.certificate.bound + 1e-6 * max(1.0, abs(plan.certificate.bound))


@pytest.mark.parametrize("solver", PREEMPTIVE.values(), ids=PREEMPTIVE)
@settings(max_examples=60)
@given(round_=rounds(least=1))
def test_no_step_costs_its_job_the_deadline(solver: Solver, round_: Round) -> None:
    """Tests that a job that can be on time still can after its first step, with rounds after all; moves take their time."""
    jobs = {job.id: job for job in round_.jobs}
    for assignment in solver.solve(round_, 0.05).assignments:
        members = [jobs[id_] for id_ in assignment.jobs]
        shape = members[0].request.shape
        seconds = round_.costs.batch_time(shape, assignment.group, len(members))
        begins = max(round_.now, *(member.ready for member in members))
        begins += max(round_.move_seconds(member, assignment.group) for member in members)
        steps = assignment.steps if round_.cadence.kind == "rounds" else 1
        for member in members:
            ends = begins + steps * seconds + (member.steps_left - steps) * round_.costs.of(shape).fastest
            assert round_.hopeless(member) or ends <= member.due + 2 * EPSILON


@every_solver
@settings(max_examples=15)
@given(round_=rounds())
def test_the_same_round_gets_the_same_plan(solver: Solver, round_: Round) -> None:
    """Tests that a solver has no memory, also across a JSON round trip of the round."""
    ample = 1.0 if solver.name == "cbc" else 0.05
    first = solver.solve(round_, ample)
    solver.solve(Round(0.0, (), round_.cluster, TOY, (0.0,) * round_.cluster.gpus, round_.cadence), ample)
    assert solver.solve(round_, ample).assignments == first.assignments
    assert solver.solve(Round.from_dict(round_.to_dict()), ample).assignments == first.assignments


@every_solver
@settings(max_examples=14)
@given(
    requests=workloads(),
    cluster=st.sampled_from(SERVED),
    cadence=cadences,
    late=st.sampled_from(["best_effort", "drop"]),
    regroup=st.sampled_from([0.0, 0.003, 0.2]),
    latency=st.sampled_from([0.0, 0.01, 0.5]),
)
def test_runs_are_feasible_and_nobody_is_lost(
    solver: Solver,
    requests: tuple[Request, ...],
    cluster: Cluster,
    cadence: Cadence,
    late: str,
    regroup: float,
    latency: float,
) -> None:
    """Tests whole runs by replaying their segments step by step, and that every request leaves exactly once.

    A move takes less than a round, as experiments.config.build demands: else a job that moves in every round never steps.
    """
    regroup = min(regroup, 0.5 * cadence.tau) if cadence.kind == "rounds" else regroup
    records = run(
        solver,
        requests,
        cluster,
        cadence,
        physics=Physics(noise=0.0, regroup_seconds=regroup),
        late=late,
        latency=PlannerLatency("fixed", latency),
    )
    replay(records, cluster, TOY, regroup, drops=late == "drop")
    assert records.complete


@every_solver
@settings(max_examples=8)
@given(requests=workloads(), cadence=cadences, late=st.sampled_from(["best_effort", "drop"]), seed=st.integers(0, 9))
def test_noisy_runs_with_stages_are_feasible(
    solver: Solver, requests: tuple[Request, ...], cadence: Cadence, late: str, seed: int
) -> None:
    """Tests runs with noise, encoding and decoding: feasible, complete, and equal when repeated with the seed."""
    physics = Physics(noise_cv=0.2, regroup_seconds=0.003, stages=True)
    cluster = Cluster.nvlink(4)
    first, again = (run(solver, requests, cluster, cadence, STAGED, physics, seed, late=late) for _ in range(2))
    assert trace(first) == trace(again)
    if late == "best_effort":
        replay(first, cluster, STAGED, 0.003, stages=True, exact=False)
        assert first.complete


def busy_hour() -> tuple[Request, ...]:
    """Thirty requests with something of everything."""
    rng = np.random.default_rng(5)
    arrivals = np.cumsum(rng.exponential(0.3, 30))
    return tuple(
        Request(i, SHAPES[k], int(rng.integers(1, 20)), float(at), float(at + rng.uniform(0.1, 3.0)))
        for i, (k, at) in enumerate(zip(rng.integers(0, 3, 30), arrivals, strict=True))
    )


def fingerprint() -> str:
    """Every solver's run of the same requests, as text."""
    cluster, physics = Cluster.pairs(4), Physics(noise=1.0)
    events, fixed = Cadence("events", 0.4), Cadence("rounds", 0.4)
    lines = []
    for name, solver in SOLVERS.items():
        for cadence in (events, fixed):
            lines.append(
                f"{name} {cadence.kind} {trace(run(solver, busy_hour(), cluster, cadence, physics=physics))!r}"
            )
    return "\n".join(lines)


def test_runs_do_not_depend_on_the_hash_seed() -> None:
    """Tests that two processes with different PYTHONHASHSEED leave equal records, for every solver and cadence."""
    texts = []
    for seed in ("1", "31337"):
        done = subprocess.run(
            [sys.executable, "-c", "from tests.planner.test_every_solver import fingerprint; print(fingerprint())"],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        )
        texts.append(done.stdout)
    assert texts[0] == texts[1]
    assert len(texts[0].splitlines()) == 2 * len(SOLVERS)


def test_different_seeds_differ() -> None:
    """Tests that the seed matters when steps are noisy, so that equal records above mean something."""
    runs = [
        trace(
            run(GreedyDp(), busy_hour(), Cluster.nvlink(4), Cadence("events", 0.4), physics=Physics(noise=1.0), seed=s)
        )
        for s in (0, 1)
    ]
    assert runs[0] != runs[1]
