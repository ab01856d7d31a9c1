"""Whether decisions keep their budgets: ``python -m experiments.budgets``.

Every solver of programs answers the same hard rounds on every program and objective. Measured is the time of the
processor, that of processes which a solver starts included, from the round to the plan, over the budget: a clock on the
wall would measure what else the machine does. That also slows the processor, by its caches and by threads that share a
core, so each round is answered a few times, always with the same plan, and the least time counts. ``--calibrate``
measures the constants of :mod:`planner.effort` instead.
"""

from __future__ import annotations

import argparse
import gc
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from experiments.cli import positive
from experiments.config.programs import PROGRAMS
from experiments.config.solvers import BACKENDS
from experiments.results.percentile import percentile
from experiments.results.text import Table, print_table
from experiments.studies.hard_rounds import hard_round
from experiments.studies.options import refuse, study_parser
from experiments.studies.study import open_study, run_study
from planner.objectives import Fairness, GpuSeconds, LeastShare, Objective, OnTime, Tardiness, Term, Weighted
from planner.plan import Certificate
from planner.processor import busy_seconds
from planner.programs.lookahead import Lookahead
from planner.solvers.exact import Exact

OBJECTIVES: dict[str, Objective] = {
    "on_time": OnTime(),
    "cost": Weighted((Term(OnTime()), Term(GpuSeconds(), 0.01))),
    "least_share": LeastShare(),
    "fairness": Fairness(),
    "tardiness": Tardiness(),
}
SOLVERS: dict[str, float] = {"cpsat": 10.0, "highs": 10.0, "scip": 100.0, "cbc": 1000.0, "pulp-highs": 1000.0}
"""Solvers with the budget of their configuration, in milliseconds."""
PLACES: tuple[tuple[int, int], ...] = ((8, 8), (16, 8), (32, 8), (64, 8), (64, 64))
"""Live jobs and GPUs."""


TIMES = 5
"""How often each round is answered, all of one kind in turn."""


@dataclass(frozen=True, slots=True)
class TimedDecision:
    """One decision: who decided what, in how much time, and what came of it.

    Parameters
    ----------
    solver, program, objective, jobs, gpus, seed
        What was asked.
    budget, seconds
        The budget, and the time of the processor that it took, in seconds.
    fallback, proven
        From the certificate.
    """

    solver: str
    program: str
    objective: str
    jobs: int
    gpus: int
    seed: int
    budget: float
    seconds: float
    fallback: bool
    proven: bool


def decide(
    solver: str, program: str, objective: str, jobs: int, gpus: int, seeds: Sequence[int], budget: float
) -> list[TimedDecision]:
    """Let one solver answer the rounds of these seeds, each :data:`TIMES`; the first round also once before that.

    The interpreter's own garbage is collected before, and what lives is left out of later passes: a pass over all modules
    that are loaded takes 60 ms, and it is not the solver's.
    """
    made = PROGRAMS[program]()
    cadence = "events" if isinstance(made, Lookahead) else "rounds"
    exact = Exact(BACKENDS[solver](), made, OBJECTIVES[objective])
    rounds = [hard_round(jobs, gpus, seed, cadence) for seed in seeds]
    exact.solve(rounds[0], budget)
    gc.collect()
    gc.freeze()
    least = dict.fromkeys(seeds, math.inf)
    certificates: dict[int, Certificate] = {}
    for _ in range(TIMES):
        for seed, round_ in zip(seeds, rounds, strict=True):
            began = busy_seconds()
            certificates[seed] = exact.solve(round_, budget).certificate
            least[seed] = min(least[seed], busy_seconds() - began)
    return [
        TimedDecision(
            solver, program, objective, jobs, gpus, seed, budget, round(least[seed], 6), own.fallback,
            own.status == "optimal",
        )
        for seed, own in certificates.items()
    ]  # fmt: skip


def budget_table(decisions: Sequence[TimedDecision]) -> Table:
    """One row for each solver, program and objective: p99 of time over budget for each size of rounds."""
    head = ["solver", "program", "objective", "budget ms", *map(_place, PLACES), "fallback", "proven"]
    rows = _grouped(decisions, lambda d: (d.solver, d.program, d.objective))
    return [head, *([*key, *_figures(own)] for key, own in rows.items())]


def summary_table(decisions: Sequence[TimedDecision]) -> Table:
    """One row for each solver and program: the worst p99 of its objectives for each size of rounds."""
    head = ["solver", "program", "budget ms", *map(_place, PLACES), "fallback", "proven"]
    rows = _grouped(decisions, lambda d: (d.solver, d.program))
    return [head, *([*key, *_figures(own)] for key, own in rows.items())]


def _grouped(
    decisions: Sequence[TimedDecision], key: Callable[[TimedDecision], tuple[str, ...]]
) -> dict[tuple[str, ...], list[TimedDecision]]:
    groups: dict[tuple[str, ...], list[TimedDecision]] = {}
    for decision in decisions:
        groups.setdefault(key(decision), []).append(decision)
    return groups


def _place(place: tuple[int, int]) -> str:
    jobs, gpus = place
    return f"{jobs} jobs" if gpus == 8 else f"{jobs} on {gpus} GPUs"


def _figures(own: Sequence[TimedDecision]) -> list[str]:
    """Budget, p99 over it for each place (the worst of the objectives), share of fallbacks, share proven."""
    cells = []
    for place in PLACES:
        groups = _grouped([d for d in own if (d.jobs, d.gpus) == place], lambda d: (d.objective,))
        cells.append(f"{max(percentile([d.seconds / d.budget for d in group], 99) for group in groups.values()):.2f}")
    fallback, proven = np.mean([d.fallback for d in own]), np.mean([d.proven for d in own])
    return [f"{1e3 * own[0].budget:g}", *cells, f"{fallback:.0%}", f"{proven:.0%}"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = study_parser(
        "budgets",
        "Measure, in time of the processor, whether decisions keep their budgets. Quiet cores are best.",
        "--solver highs --seeds 10",
        seeds=50,
        jobs=1,
    )
    parser.add_argument("--solver", action="append", choices=tuple(SOLVERS), help="default: all")
    parser.add_argument("--program", action="append", choices=tuple(PROGRAMS), help="default: all")
    parser.add_argument("--objective", action="append", choices=tuple(OBJECTIVES), help="default: all")
    parser.add_argument("--budget-ms", type=positive, help="default: that of each solver's configuration")
    parser.add_argument("--calibrate", action="store_true", help="measure the cost model instead; nothing is written")
    return run_study(parser, _command, arguments)


def _command(options: argparse.Namespace) -> None:
    refuse(
        options.overrides, {"": "--solver, --program, --objective and --budget-ms: rounds are drawn, not met in a run"}
    )
    if options.calibrate:
        for name in ("solver", "program", "objective", "budget_ms", "output"):
            if getattr(options, name):
                raise ValueError(
                    f"--{name.replace('_', '-')} is given, and --calibrate has no use for it; leave it out"
                )
        from experiments.studies.calibration import calibration

        print_table(calibration(options.seeds), "Time of the processor over the modelled time")
        return
    budgets = {solver: options.budget_ms or SOLVERS[solver] for solver in options.solver or SOLVERS}
    work = []
    for solver, milliseconds in budgets.items():
        seeds = options.seeds if milliseconds < 1000.0 else max(1, options.seeds // 5)
        drawn = range(options.first_seed, options.first_seed + seeds)
        asked = product(
            dict.fromkeys(options.program or PROGRAMS), dict.fromkeys(options.objective or OBJECTIVES), PLACES
        )
        work += [(solver, *names, *place, drawn, 1e-3 * milliseconds) for *names, place in asked]
    with open_study("budgets", options, {"budgets_ms": budgets, "places": PLACES}) as study:
        made = study.jobs.do("decisions", decide, work, list[TimedDecision])
        decisions = [decision for own in made for decision in own]
        study.table("table", budget_table(decisions), "p99 of the processor's time over the budget")
        study.table("summary", summary_table(decisions), show=False)
        study.rows("decisions", decisions)
        over = [d.seconds / d.budget for d in decisions]
        print(f"{len(decisions)} decisions; p99 {percentile(over, 99):.2f}, largest {max(over):.2f} times the budget")
