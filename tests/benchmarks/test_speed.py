"""How fast planning and simulation are. Off by default: each benchmark runs once, as a smoke test.

To measure: ``pytest tests/benchmarks --benchmark-enable --benchmark-columns=min,median,max``

Nothing here asserts wall-clock time: rates and quantiles stand under ``extra_info``, also by the processor time of this
process alone, which other work on the machine disturbs less.
"""

from __future__ import annotations

from collections.abc import Callable
from time import process_time

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from executor.engine import Segment
from executor.loop import serve
from executor.physics import Physics
from executor.records import Records
from executor.service import Service
from executor.simulated import SimulatedEngine
from experiments.results.tables import requests_table
from planner.check import check_plan
from planner.cluster import Cluster
from planner.job import Job
from planner.objectives import OnTime
from planner.programs.assignment import AssignmentProgram
from planner.request import Request
from planner.round import Cadence, Round
from planner.solvers.dp import GreedyDp
from planner.solvers.exact import CpSat, Highs
from planner.solvers.fixed import Fixed
from planner.solvers.moore import Moore
from planner.solvers.priority import Edf, Srtf
from planner.solvers.protocol import Solver
from profiles.shape import Shape
from profiles.store import load_profile

FLUX = load_profile("flux1-dev_h100")
SIDES, SLO = (256, 512, 1024, 2048), (1.5, 2.0, 3.0, 5.0)
EVENTS, ROUNDS = Cadence("events", 0.4), Cadence("rounds", 0.4)


def poisson(count: int, seed: int, per_minute: float = 12.0, scale: float = 1.1) -> tuple[Request, ...]:
    """Make a workload of the paper's uniform mix with Poisson arrivals."""
    rng = np.random.default_rng(seed)
    arrivals = np.cumsum(rng.exponential(60.0 / per_minute, count)).tolist()
    kinds = rng.choice(len(SIDES), count).tolist()
    return tuple(
        Request(i, Shape(SIDES[k], SIDES[k]), 50, at, at + SLO[k] * scale)
        for i, (k, at) in enumerate(zip(kinds, arrivals, strict=True))
    )


def pending(count: int, gpus: int, seed: int = 0, cadence: Cadence = EVENTS) -> Round:
    """Jobs in flight on a busy cluster: some running, all with a chance to be on time."""
    rng = np.random.default_rng(seed)
    cluster = Cluster.nvlink(gpus) if gpus == 8 else Cluster.nodes(gpus // 8)
    now, used = 10.0, 0
    free_at = [now] * gpus
    jobs = []
    for i in range(count):
        k = int(rng.choice(len(SIDES)))
        shape = Shape(SIDES[k], SIDES[k])
        left = int(rng.integers(1, 51))
        fastest = FLUX.step_time(shape, 8, "nvlink")
        due = now + left * fastest * float(rng.uniform(1.0, 4.0))
        group, ready, running = None, now, False
        candidate = cluster.all_groups[int(rng.integers(len(cluster.all_groups)))]
        if not candidate.mask & used and rng.random() < 0.4:
            group, running = candidate, True
            used |= candidate.mask
            ready = now + float(rng.uniform(0, 1)) * FLUX.step_time(shape, group.degree, "nvlink")
            for gpu in group.gpus:
                free_at[gpu] = ready
        jobs.append(Job(Request(i, shape, 50, 5.0, max(due, 5.1)), left, due, ready, group, running))
    return Round(now, tuple(jobs), cluster, FLUX, tuple(free_at), cadence)


def measure_runs(benchmark: BenchmarkFixture, most: int, run: Callable[[], Records]) -> None:
    """Measure a run of requests, and put requests per second and decisions per request into the benchmark's extra info."""
    busy: list[float] = []

    def once() -> Records:
        began = process_time()
        records = run()
        busy.append(process_time() - began)
        return records

    records = benchmark.pedantic(once, rounds=most, warmup_rounds=1 if most > 1 else 0)
    assert records.complete
    if benchmark.enabled:
        count = len(records.requests)
        benchmark.extra_info["requests_per_second"] = round(count / benchmark.stats.stats.min)
        benchmark.extra_info["requests_per_cpu_second"] = round(count / min(busy))
        benchmark.extra_info["decisions_per_request"] = round(len(records.decisions) / count, 2)


RUNS: dict[str, tuple[Solver, Cadence]] = {
    "fixed-4": (Fixed(4), EVENTS),
    "dp-rounds": (GreedyDp(), ROUNDS),
    "dp-events": (GreedyDp(), EVENTS),
    "edf": (Edf(), EVENTS),
    "srtf": (Srtf(), EVENTS),
    "moore": (Moore(), EVENTS),
    "lookahead-highs": (Highs(), EVENTS),
    "lookahead-cpsat": (CpSat(), EVENTS),
}


@pytest.mark.parametrize("name", RUNS)
def test_requests_per_second(benchmark: BenchmarkFixture, name: str) -> None:
    """Measure the paper's load on 8 GPUs (targets: fixed 30,000, rules 10,000, lookahead 3,000, CP-SAT 1,000 a second)."""
    solver, cadence = RUNS[name]
    requests = poisson(5000 if benchmark.enabled else 20, 0)
    cluster = Cluster.nvlink(8)

    def run() -> Records:
        engine = SimulatedEngine(cluster, FLUX, requests, Physics(), np.random.default_rng(0))
        return serve(Service(cluster, FLUX, solver, cadence), engine, Records(requests))

    measure_runs(benchmark, 3 if benchmark.enabled else 1, run)


@pytest.mark.parametrize("solver", [Edf(), Srtf(), Moore(), Highs()], ids=["edf", "srtf", "moore", "lookahead-highs"])
def test_requests_per_second_on_many_gpus(benchmark: BenchmarkFixture, solver: Solver) -> None:
    """Measures the same load per GPU on 1,024 GPUs (target: 170 a second, 100,000 in ten minutes)."""
    requests = poisson(3000 if benchmark.enabled else 10, 0, per_minute=1536.0)
    cluster = Cluster.nodes(128)

    def run() -> Records:
        engine = SimulatedEngine(cluster, FLUX, requests, Physics(), np.random.default_rng(0))
        return serve(Service(cluster, FLUX, solver, EVENTS), engine, Records(requests))

    measure_runs(benchmark, 1, run)


def decide(benchmark: BenchmarkFixture, solver: Solver, make: Callable[[int], Round], budget: float, most: int) -> None:
    """Measure decisions on as many different rounds, and put quantiles and proofs into the benchmark's extra info."""
    rounds = [make(seed) for seed in range(most if benchmark.enabled else 2)]
    for round_ in rounds:
        check_plan(round_, solver.solve(round_, budget))
    turn = iter(range(10**9))
    proven: list[bool] = []
    busy: list[float] = []

    def one() -> None:
        began = process_time()
        plan = solver.solve(rounds[next(turn) % len(rounds)], budget)
        busy.append(process_time() - began)
        proven.append(plan.certificate.status == "optimal")

    benchmark.pedantic(one, rounds=len(rounds), iterations=1)
    if benchmark.enabled:
        for clock, seconds in (("", benchmark.stats.stats.data), ("cpu_", busy)):
            for name, share in (("p50_ms", 0.5), ("p99_ms", 0.99), ("max_ms", 1.0)):
                benchmark.extra_info[clock + name] = round(1e3 * float(np.quantile(seconds, share)), 3)
        benchmark.extra_info["proven_optimal"] = float(np.mean(proven))


@pytest.mark.parametrize("cadence", [EVENTS, ROUNDS], ids=["events", "rounds"])
def test_dp_decision_16_jobs_8_gpus(benchmark: BenchmarkFixture, cadence: Cadence) -> None:
    """Measures the greedy DP on 16 pending jobs (target: at most 1 ms)."""
    decide(benchmark, GreedyDp(), lambda seed: pending(16, 8, seed, cadence), 0.01, 300)


def test_cpsat_decision_16_jobs_8_gpus(benchmark: BenchmarkFixture) -> None:
    """Measures CP-SAT, model building included, on 16 pending jobs (target: at most 10 ms for 99 %)."""
    decide(benchmark, CpSat(AssignmentProgram(), OnTime()), lambda seed: pending(16, 8, seed), 0.01, 300)


def test_cpsat_decision_64_jobs_64_gpus(benchmark: BenchmarkFixture) -> None:
    """Measures CP-SAT on 64 pending jobs and 8 machines of 8 GPUs (target: at most 100 ms)."""
    decide(benchmark, CpSat(AssignmentProgram(), OnTime()), lambda seed: pending(64, 64, seed), 0.1, 40)


def test_table_of_requests(benchmark: BenchmarkFixture) -> None:
    """Time the table of 10,000 requests with five segments each; of few where nothing is measured."""
    count = 10_000 if benchmark.enabled else 50
    requests = poisson(count, seed=0)
    segments = [Segment((r.id,), (k,), r.arrival + k, r.arrival + k + 1, 10) for r in requests for k in range(5)]
    records = Records(requests, {r.id: r.arrival + 5.0 for r in requests}, segments=segments)
    assert benchmark(requests_table, records).num_rows == count
