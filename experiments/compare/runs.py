"""Policies on the same runs: tables, plots and two timelines, in one directory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from experiments.build import build
from experiments.cli import compose
from experiments.compare.decisions import decisions_by_cell_table, decisions_table
from experiments.compare.paired import difference_table
from experiments.compare.plots import draw_attainment, draw_decisions
from experiments.results import draw_timelines, manifest
from experiments.results.text import Table, markdown, print_table
from experiments.results.writer import write_json
from experiments.runner import simulate
from experiments.studies.bound import CONDITION, BoundResult, bound_all, write_bounds
from experiments.studies.grid import Cell, Policy, Result, run_all
from experiments.studies.policies import EVENTS, PLANNER, TUNED
from experiments.studies.run_tables import LEGEND, grid_table, one_cell_table, write_runs
from experiments.studies.simple import best_simple, over_table

MOST_GPUS = 64
"""Beyond, rows of a timeline are too thin to read, and none is drawn."""


@dataclass(frozen=True, slots=True)
class Comparison:
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
        Whether to prove the clairvoyant bound of every cell and seed.
    jobs
        Processes; -1 for one per core.
    """

    grid: Sequence[Cell]
    policies: Sequence[Policy]
    seeds: Sequence[int]
    reference: str
    timelines: Sequence[str] | None = None
    bound: bool = False
    jobs: int = -1

    def __post_init__(self) -> None:
        names = [policy.name for policy in self.policies]
        if len(set(names)) != len(names):
            raise ValueError(f"the policies are {', '.join(names)}; every name must occur once")
        for option, name in [("reference", self.reference), *(("timelines", name) for name in self.timelines or ())]:
            if name not in names:
                raise ValueError(f"--{option} is {name!r}; the policies are {', '.join(names)}")


def compare(comparison: Comparison, directory: Path) -> None:
    """Run everything, write tables and plots into a directory that is there, and print the tables."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    grid, policies, seeds = comparison.grid, comparison.policies, comparison.seeds
    started = datetime.now(UTC)
    columns = (TextColumn("runs"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("runs", total=len(grid) * len(policies) * len(seeds))
        results = run_all(grid, policies, seeds, comparison.jobs, lambda result: bar.advance(task))
    write_runs(results, directory / "runs.csv")
    bounds = bound_all(grid, seeds, jobs=comparison.jobs) if comparison.bound else []
    if bounds:
        write_bounds(bounds, directory / "bounds.csv")
    tables = _tables(comparison, results, bounds)
    for name, table in tables.items():
        (directory / f"{name}.md").write_text(markdown(table))
    draw_attainment(results, grid, policies, bounds, directory / "attainment.png")
    draw_decisions(results, policies, directory / "decisions.png")
    pictures = ["attainment.png", "decisions.png"]
    if _draw_timelines(comparison, results, directory / "timelines.png"):
        pictures.append("timelines.png")
    config: dict[str, Any] = {
        "policies": {policy.name: list(policy.overrides) for policy in policies},
        "cells": {cell.label: list(cell.overrides) for cell in grid},
    }
    write_json(
        manifest(config, {f"seed {seed}": seed for seed in seeds}, started, datetime.now(UTC)),
        directory / "manifest.json",
    )
    for name, table in tables.items():
        shown = {"differences": len(policies) > 1, "decisions": len(grid) > 1, "decisions_by_cell": False}
        if shown.get(name, True):
            print_table(table)
    console = Console()
    if bounds and len(grid) == 1:
        console.print(f"Clairvoyant bound: {sum(b.bound for b in bounds) / len(bounds):.3f} (experiments.bound)")
    if bounds:
        console.print(CONDITION, style="dim")
    if len(grid) == 1:
        console.print(LEGEND, style="dim")
    files = [*(f"{name}.md" for name in tables), "runs.csv", *pictures, "manifest.json"]
    console.print(
        f"Means over {len(seeds)} seeds. Results are in [bold]{directory}[/bold]: {', '.join(files)}", soft_wrap=True
    )


def _tables(comparison: Comparison, results: Sequence[Result], bounds: Sequence[BoundResult]) -> dict[str, Table]:
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
        tables["decisions_by_cell"] = decisions_by_cell_table(results, grid, policies)
    return tables


def _draw_timelines(comparison: Comparison, results: Sequence[Result], path: Path) -> bool:
    """Serve once more with the chosen policies, in the cell and with the seed in which they differ most."""
    names = telling_policies(comparison, results)
    if not names:
        return False
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
            return False
        runs.append((policy.name, simulate(setup)))
    where = f"{cell.label}, " if len(comparison.grid) > 1 else ""
    draw_timelines(
        runs, setup.service.cluster, path, title=f"The same requests, {' and '.join(names)} ({where}seed {seed})"
    )
    return True


def telling_policies(comparison: Comparison, results: Sequence[Result]) -> list[str]:
    """Return whose timelines to draw: the named ones, or the reference and the best of the others."""
    if comparison.timelines is not None:
        return list(comparison.timelines)
    totals = {policy.name: 0.0 for policy in comparison.policies}
    for result in results:
        totals[result.policy] += result.summary.weighted_sar
    others = [name for name in totals if name != comparison.reference]
    return [comparison.reference, *sorted(others, key=lambda name: -totals[name])[:1]]
