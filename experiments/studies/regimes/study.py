"""Serve every declared regime with the planner, the simple rules and the greedy rounds; write tables and a picture."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from experiments.cli import positive
from experiments.results.text import Table, print_table
from experiments.studies.bound import CONDITION, bound_all
from experiments.studies.grid import described, run_all
from experiments.studies.hidden import refuse_hidden, refuse_renamed
from experiments.studies.options import NEW, seeds_of, study_parser
from experiments.studies.policies import PLANNER, POLICIES, ROUNDS
from experiments.studies.regimes.declared import REGIMES, Regime
from experiments.studies.regimes.gains import gain_of, gains_table
from experiments.studies.regimes.plot import draw_gains
from experiments.studies.run_tables import grid_table, run_rows
from experiments.studies.study import open_study, run_study

SERVED = [policy for policy in POLICIES if policy.simple or policy.name in (PLANNER, *ROUNDS)]
"""The planner, and what it is compared with."""
TIME_LIMIT = 10.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = study_parser(
        "regimes",
        "Serve the declared regimes (docs/regimes.md) with the planner, the simple rules and greedy rounds.",
        "--regime bursts --seeds 3 workload.requests=100",
        seeds=10,
        directory=NEW,
    )
    parser.add_argument("--regime", action="append", default=[], help="name of a regime; repeat it (default: all)")
    parser.add_argument("--list", action="store_true", help="print the regimes and who has them, and stop")
    parser.add_argument("--bound", action="store_true", help="add the clairvoyant bound of the runs")
    parser.add_argument("--time-limit", type=positive, help=f"seconds for each bound (default {TIME_LIMIT:g})")
    return run_study(parser, _command, arguments)


def _command(options: argparse.Namespace) -> None:
    chosen = _chosen(options.regime)
    if options.list:
        if options.output or options.overrides:
            raise ValueError("--list prints the regimes and stops; leave out --output and overrides")
        print_table(list_table(chosen))
        return
    seeds = seeds_of(options)
    grid = [regime.cell(options.overrides) for regime in chosen]
    refuse_renamed(options.overrides, [regime.cell() for regime in chosen])
    refuse_hidden(grid, SERVED)
    if options.time_limit and not options.bound:
        raise ValueError("--time-limit goes with --bound, which is not given")
    time_limit = options.time_limit or TIME_LIMIT
    config = described(grid, SERVED) | {"time_limit": time_limit}
    with open_study("regimes", options, config, seeds, fresh=True) as study:
        results = run_all(grid, SERVED, seeds, study.jobs)
        bounds = bound_all(grid, seeds, time_limit, study.jobs) if options.bound else []
        simple = [policy.name for policy in SERVED if policy.simple]
        gains = [gain_of([r for r in results if r.cell == cell.label], PLANNER, simple, ROUNDS) for cell in grid]
        study.table("list", list_table(chosen), show=False)
        study.table("table", grid_table(results, grid, SERVED, bounds), "Attainment by weight")
        study.table("gains", gains_table(gains))
        study.rows("runs", run_rows(results))
        if bounds:
            study.rows("bounds", bounds, leave_out=["seconds"])
            print(CONDITION)
        study.write("gains.png", lambda path: draw_gains(gains, path))
        print(f"Means over {len(seeds)} seeds." if len(seeds) > 1 else "One seed.")


def list_table(chosen: Sequence[Regime]) -> Table:
    """Return a row per regime: who has it, and the overrides that make it."""
    return [["regime", "who has it", "overrides"], *([r.name, r.why, f"`{' '.join(r.overrides)}`"] for r in chosen)]


def _chosen(names: Sequence[str]) -> list[Regime]:
    known = {regime.name: regime for regime in REGIMES}
    for name in names:
        if name not in known:
            raise ValueError(f"--regime is {name!r}; the regimes are: {'; '.join(known)}")
    return [known[name] for name in names] or list(REGIMES)
