"""Policies on the same runs: tables, plots and two timelines, in one directory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.cli import compose
from experiments.compare.decisions import decisions_by_cell_table, decisions_table
from experiments.compare.paired import difference_table
from experiments.compare.plots import draw_attainment, draw_decisions
from experiments.config.build import build
from experiments.results import draw_timelines
from experiments.results.text import Table
from experiments.runner import simulate
from experiments.studies.bound import CONDITION, BoundResult, bound_all
from experiments.studies.grid import Cell, Policy, Result, run_all
from experiments.studies.policies import EVENTS, PLANNER, TUNED
from experiments.studies.run_tables import LEGEND, grid_table, one_cell_table, regroup_table, run_rows
from experiments.studies.simple import best_simple, over_table
from experiments.studies.study import Study

MOST_GPUS = 64
"""Beyond, rows of a timeline are too thin to read, and none is drawn."""


@dataclass(frozen=True, slots=True)
class Contest:
    """What to compare.

    Parameters
    ----------
    grid, policies, seeds
        Every policy serves every cell with every seed.
    reference
        Name of the policy that the others are set against.
    timelines
        Names of the policies whose timelines are drawn; None chooses the reference and the best of the others, and
        empty leaves the picture out.
    bound
        Seconds for the clairvoyant bound of each cell and seed; None proves none.
    """

    grid: Sequence[Cell]
    policies: Sequence[Policy]
    seeds: Sequence[int]
    reference: str
    timelines: Sequence[str] | None = None
    bound: float | None = None

    def __post_init__(self) -> None:
        names = [policy.name for policy in self.policies]
        if len(set(names)) != len(names):
            raise ValueError(f"the policies are {', '.join(names)}; every name must occur once")
        for option, name in [("reference", self.reference), *(("timelines", name) for name in self.timelines or ())]:
            if name not in names:
                raise ValueError(f"--{option} is {name!r}; the policies are {', '.join(names)}")


def compare(comparison: Contest, study: Study) -> None:
    """Run everything, write tables and plots, and print the tables."""
    grid, policies, seeds = comparison.grid, comparison.policies, comparison.seeds
    results = run_all(grid, policies, seeds, study.jobs)
    bounds = bound_all(grid, seeds, comparison.bound, study.jobs) if comparison.bound else []
    study.rows("runs", run_rows(results))
    if bounds:
        study.rows("bounds", bounds, leave_out=["seconds"])
    shown = {
        "differences": len(policies) > 1,
        "decisions": len(grid) > 1,
        "decisions_by_cell": False,
        "regroups": False,
    }
    for name, table in _tables(comparison, results, bounds).items():
        study.table(name, table, show=shown.get(name, True))
    if bounds:
        print(f"Clairvoyant bound: {sum(b.bound for b in bounds) / len(bounds):.3f} on average. {CONDITION}")
    if len(grid) == 1:
        print(LEGEND)
    study.write("attainment.png", lambda path: draw_attainment(results, grid, policies, bounds, path))
    study.write("decisions.png", lambda path: draw_decisions(results, policies, path))
    if timelines := _timelines(comparison, results):
        study.write("timelines.png", timelines)
    print(f"Means over {len(seeds)} seeds." if len(seeds) > 1 else "One seed.")


def _tables(comparison: Contest, results: Sequence[Result], bounds: Sequence[BoundResult]) -> dict[str, Table]:
    """Return the tables by the names of their files."""
    grid, policies = comparison.grid, comparison.policies
    tables = {
        "table": one_cell_table(results, policies) if len(grid) == 1 else grid_table(results, grid, policies, bounds),
        "differences": difference_table(results, policies, comparison.reference),
        "decisions": decisions_table(results, policies),
    }
    names = [policy.name for policy in policies]
    best = best_simple(results, grid, policies)
    if best and PLANNER in names:
        tables["over_simple"] = over_table(results, grid, PLANNER, best, f"{PLANNER} less best simple")
    if EVENTS in names and TUNED in names:
        rounds = {cell.label: TUNED for cell in grid}
        tables["events_over_rounds"] = over_table(results, grid, EVENTS, rounds, "events over rounds")
    if len(grid) > 1:
        tables["regroups"] = regroup_table(results, grid, policies)
        tables["decisions_by_cell"] = decisions_by_cell_table(results, grid, policies)
    return tables


def _timelines(comparison: Contest, results: Sequence[Result]) -> Callable[[Path], None] | None:
    """Serve once more with the chosen policies, in the cell and with the seed in which they differ most, to be drawn."""
    names = telling_policies(comparison, results)
    if not names:
        return None
    sars = {(r.cell, r.seed, r.policy): r.summary.weighted_sar for r in results}
    pairs = [(cell, seed) for cell in comparison.grid for seed in comparison.seeds]

    def difference(pair: tuple[Cell, int]) -> float:
        found = [sars[pair[0].label, pair[1], name] for name in names]
        return max(found) - min(found)

    cell, seed = max(pairs, key=difference)
    runs = []
    for policy in (policy for name in names for policy in comparison.policies if policy.name == name):
        setup = build(compose([*cell.overrides, *policy.overrides]) | {"seed": seed})
        if setup.service.cluster.gpus > MOST_GPUS:
            return None
        runs.append((policy.name, simulate(setup)))
    where = f"{cell.title}, " if len(comparison.grid) > 1 else ""
    title = f"The same requests, {' and '.join(names)} ({where}seed {seed})"
    return lambda path: draw_timelines(runs, setup.service.cluster, path, title=title)


def telling_policies(comparison: Contest, results: Sequence[Result]) -> list[str]:
    """Return whose timelines to draw: the named ones, or the reference and the best of the others."""
    if comparison.timelines is not None:
        return list(comparison.timelines)
    totals = {policy.name: 0.0 for policy in comparison.policies}
    for result in results:
        totals[result.policy] += result.summary.weighted_sar
    others = [name for name in totals if name != comparison.reference]
    return [comparison.reference, *sorted(others, key=lambda name: -totals[name])[:1]]
