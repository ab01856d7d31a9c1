"""What work takes here beside what :mod:`planner.effort` says: ``python -m experiments.studies.budgets --calibrate``.

Every piece of work is done on hard rounds of many sizes, and its time of the processor is divided by the modelled one. A
constant is right where the ratio is 0.5 to 1 in the middle and hardly above 1 at its 99th percentile: budgets are then
kept, and used. On a machine that is faster than the one of the constants, all ratios are lower alike.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from experiments.results.percentile import percentile
from experiments.results.text import Table
from experiments.studies.hard_rounds import hard_round
from planner.backends.cpsat import CpSatBackend
from planner.backends.cpsat_mixed import grid, polish
from planner.backends.highs import HighsBackend, load
from planner.backends.mathopt import MathOptBackend
from planner.backends.protocol import Backend
from planner.backends.pulp import PulpBackend
from planner.effort import (
    CARRY_OUT,
    CBC_START,
    CPSAT_GRID,
    CPSAT_LOAD,
    HIGHS_ITERATION,
    HIGHS_LOAD,
    HIGHS_PURE_MIP,
    HIGHS_RUN,
    JUDGING,
    LISTING,
    SCIP_PURE_ROOT,
    SCIP_ROOT,
)
from planner.objectives import OnTime
from planner.processor import busy_seconds
from planner.programs.assignment import AssignmentProgram
from planner.programs.intervals import Task
from planner.programs.linear import LinearProgram
from planner.programs.lists import list_schedule
from planner.programs.lookahead import Lookahead
from planner.programs.prices import serve_by_prices
from planner.solvers.dp import GreedyDp

JOBS = (4, 6, 8, 12, 16, 24)
_Call = Callable[[], object]


def calibration(seeds: int) -> Table:
    """Return one row for each piece of work: how often it was done, and quantiles of its time over the modelled one."""
    ratios: dict[str, list[float]] = {}
    for warm in (True, False):
        gc.collect()
        gc.freeze()
        for jobs in JOBS:
            for seed in range(2 if warm else seeds):
                for name, modelled, work in _pieces(jobs, seed):
                    began = busy_seconds()
                    work()
                    if not warm:
                        ratios.setdefault(name, []).append((busy_seconds() - began) / modelled)
    table: Table = [["work", "times", "p50", "p99"]]
    table += [
        [name, str(len(own)), *(f"{percentile(own, percent):.2f}" for percent in (50, 99))]
        for name, own in ratios.items()
    ]
    return table


def _pieces(jobs: int, seed: int) -> Iterator[tuple[str, float, _Call]]:
    """Give the name, the modelled seconds and the work itself of every piece on one size of rounds."""
    lookahead, assignment = Lookahead(), AssignmentProgram()
    ahead, now = hard_round(jobs, 8, seed, "events"), hard_round(jobs, 8, seed, "rounds")
    yield "lookahead: build", lookahead.measure(ahead).build, lambda: lookahead.model(ahead, OnTime(), ()).linear
    yield "assignment: build", assignment.measure(now).build, lambda: assignment.model(now, OnTime(), ()).linear
    model = lookahead.model(ahead, OnTime(), ())
    mixed, pure = model.linear, assignment.model(now, OnTime(), GreedyDp().assignments(now)).linear
    yield "highs: load", HIGHS_LOAD(mixed.entries), lambda: load(mixed, mixed.integer)
    yield "highs: relaxation", _relaxation(mixed), lambda: _relax(mixed)
    yield "highs: budget of 10 ms, mixed", 0.01, partial(HighsBackend().solve, mixed, 0.01)
    yield "highs: budget of 10 ms, pure", 0.01, partial(HighsBackend().solve, pure, 0.01)
    yield "cpsat: load", CPSAT_LOAD(pure.entries), partial(CpSatBackend().solve, pure, 1e-6)
    relaxed, unit, _ = grid(mixed)
    yield "cpsat: load, grid", CPSAT_LOAD(relaxed.entries), partial(CpSatBackend().solve, relaxed, 1e-6)
    yield "cpsat: grid and polish", CPSAT_GRID(mixed.entries), lambda: polish(mixed, grid(mixed)[0].start * unit, 0.01)
    yield "cpsat: budget of 20 ms, mixed", 0.02, partial(CpSatBackend().solve, mixed, 0.02)
    yield "scip: root, mixed", SCIP_ROOT(mixed.entries), _least(MathOptBackend("scip"), mixed)
    yield "scip: root, pure", SCIP_PURE_ROOT(pure.entries), _least(MathOptBackend("scip"), pure)
    yield "scip: budget of 50 ms, mixed", max(0.05, SCIP_ROOT(mixed.entries)), _within(MathOptBackend("scip"), mixed)
    if seed < 2:
        yield "cbc: start, pure", CBC_START(pure.entries), _least(PulpBackend("cbc"), pure)
        yield "pulp-highs: root, pure", HIGHS_PURE_MIP(pure.entries), _least(PulpBackend("highs"), pure)
        yield "cbc: budget of 1 s, mixed", 1.0, partial(PulpBackend("cbc").solve, mixed, 1.0)
    yield "prices: budget of 10 ms", 0.01, lambda: _by_prices(model.tasks, ahead.now)
    at_a_time = jobs * min(jobs, ahead.cluster.gpus)
    yield "list schedule", LISTING * at_a_time, lambda: list_schedule(model.tasks, ahead.now, ahead.cluster.gpus)
    yield "a plan is judged", JUDGING * at_a_time, lambda: model.judged((), None)
    x = mixed.start
    yield "a plan is made and judged", CARRY_OUT(at_a_time), lambda: model.carry_out(x, None)


def _least(backend: Backend, program: LinearProgram) -> _Call:
    return partial(backend.solve, program, 1e-6)


def _within(backend: Backend, program: LinearProgram) -> _Call:
    return partial(backend.solve, program, 0.05)


def _relaxation(program: LinearProgram) -> float:
    """Return the modelled seconds of the relaxation, loading included: its iterations are counted first."""
    iterations = _relax(program)
    return HIGHS_LOAD(program.entries) + HIGHS_RUN(program.entries) + iterations * HIGHS_ITERATION(program.entries)


def _relax(program: LinearProgram) -> int:
    highs = load(program, np.zeros(program.size, dtype=np.bool_))
    highs.run()
    return int(highs.getInfo().simplex_iteration_count)


def _by_prices(tasks: tuple[Task, ...], now: float) -> None:
    due = np.array([task.due for task in tasks])
    points = np.unique(np.r_[now, np.quantile(due, np.linspace(0.0, 1.0, 13))])
    serve_by_prices(tasks, points, 8 * np.diff(points), budget=0.01)
