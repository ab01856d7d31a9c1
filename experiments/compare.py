"""Policies side by side on the same requests: ``python -m experiments.compare``.

Without arguments it makes the table of the README: every policy on the main job's workload, over five paired seeds.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from experiments.bound import BoundResult, bound_all, write_bounds
from experiments.build import build
from experiments.cli import compose, guarded
from experiments.decisions import decisions_by_cell_table, decisions_table
from experiments.grid import BASELINES, PAPER_GRID, Cell, Policy, Result, Spread, cells, run_all
from experiments.paired import difference_table
from experiments.results import manifest, prepare_directory
from experiments.results.writer import write_json
from experiments.same_rounds import Answered, answer_all, rounds_of
from experiments.tables import Table, markdown, print_table

LEGEND = (
    "SAR: share of all requests on time, with the 95 % confidence interval over seeds; then by resolution. p50, p95, p99: "
    "latency in seconds of all requests (inf where fewer were served). GPUs busy: share of GPU time in use. GPU-s: "
    "GPU-seconds per request on time. plan: time of a decision in milliseconds."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    options = _parser().parse_args(arguments)
    return guarded(lambda: _compare(options))


def _compare(options: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    policies = [_policy(text) for text in options.policy] or list(BASELINES)
    if options.rounds:
        return _compare_rounds(options, policies)
    reference = options.reference or policies[0].name
    if reference not in {policy.name for policy in policies}:
        raise ValueError(f"--reference is {reference!r}; the policies are {', '.join(p.name for p in policies)}")
    axes = [*(PAPER_GRID if options.grid else ()), *(_axis(text) for text in options.sweep)]
    grid = [_cell(text, options.overrides) for text in options.cell] or cells(axes, options.overrides)
    if options.cell and axes:
        raise ValueError("--cell makes the grid by itself; leave out --grid and --sweep")
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    started = datetime.now(UTC)
    directory = prepare_directory(options.output or _fresh_directory("compare"), overwrite=options.overwrite)
    total = len(grid) * len(policies) * len(seeds)
    columns = (TextColumn("runs"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("runs", total=total)
        results = run_all(grid, policies, seeds, options.jobs, lambda result: bar.advance(task))
    _write_runs(results, directory / "runs.csv")
    bounds = bound_all(grid, seeds, jobs=options.jobs) if options.bound else []
    if bounds:
        write_bounds(bounds, directory / "bounds.csv")
    table = one_cell_table(results, policies) if len(grid) == 1 else grid_table(results, grid, policies, bounds)
    (directory / "table.md").write_text(markdown(table))
    differences = difference_table(results, policies, reference)
    (directory / "differences.md").write_text(markdown(differences))
    decisions = decisions_table(results, policies)
    (directory / "decisions.md").write_text(markdown(decisions))
    if len(grid) > 1:
        (directory / "decisions_by_cell.md").write_text(markdown(decisions_by_cell_table(results, grid, policies)))
    config: dict[str, Any] = {
        "policies": {policy.name: list(policy.overrides) for policy in policies},
        "cells": {cell.label: list(cell.overrides) for cell in grid},
    }
    seeds_used = {f"seed {seed}": seed for seed in seeds}
    write_json(manifest(config, seeds_used, started, datetime.now(UTC)), directory / "manifest.json")
    print_table(table)
    if len(policies) > 1:
        print_table(differences)
    if len(grid) > 1:
        print_table(decisions)
    console = Console()
    if bounds and len(grid) == 1:
        console.print(f"Clairvoyant bound: {sum(b.bound for b in bounds) / len(bounds):.3f} (experiments.bound)")
    if len(grid) == 1:
        console.print(LEGEND, style="dim")
    console.print(
        f"Means over {len(seeds)} seeds. Results are in [bold]{directory}[/bold]: table.md, differences.md, decisions.md, "
        "runs.csv, manifest.json",
        soft_wrap=True,
    )
    return 0


def _compare_rounds(options: argparse.Namespace, policies: Sequence[Policy]) -> int:
    """Let every policy answer the rounds that the first one meets."""
    from rich.console import Console
    from rich.progress import Progress

    setups = [
        build(compose([*options.overrides, *policy.overrides]) | {"seed": options.first_seed}) for policy in policies
    ]
    directory = prepare_directory(options.output or _fresh_directory("rounds"), overwrite=options.overwrite)
    met = rounds_of(setups[0], options.rounds)
    if not met:
        raise ValueError(
            "the reference run met no round with two jobs or more; raise workload.rate or workload.requests"
        )
    solvers = [(p.name, setup.service.solver, setup.service.budget) for p, setup in zip(policies, setups, strict=True)]
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("answers", total=len(met) * len(solvers))
        answers = answer_all(met, solvers, on_answer=lambda answer: bar.advance(task))
    table = rounds_table(answers, [policy.name for policy in policies])
    (directory / "table.md").write_text(markdown(table))
    with (directory / "answers.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["round", "solver", "jobs", "value", "bound", "agrees", "seconds"])
        writer.writerows([a.round_, a.solver, a.jobs, a.value, a.bound, a.agrees, a.seconds] for a in answers)
    print_table(
        table, f"{len(met)} rounds of {policies[0].name}; value: weighted survivors, relative to all jobs waiting"
    )
    print(f"Results are in {directory}: table.md, answers.csv")
    return 0


def rounds_table(answers: Sequence[Answered], names: Sequence[str]) -> Table:
    """Return a row per policy: its value, its regret against the proven optimum, how often it agrees, its decision time."""
    rows = [
        ["policy", "mean value", "mean optimum", "rounds optimal", "mean regret", "max", "agrees", "p50 ms", "p99 ms"]
    ]
    for name in names:
        own = [answer for answer in answers if answer.solver == name]
        count = len(own)
        times = sorted(1e3 * answer.seconds for answer in own)
        rows.append(
            [
                name,
                f"{sum(a.value for a in own) / count:.3f}",
                f"{sum(a.bound for a in own) / count:.3f}",
                f"{sum(a.regret <= 1e-6 for a in own) / count:.1%}",
                f"{sum(a.regret for a in own) / count:.4f}",
                f"{max(a.regret for a in own):.2f}",
                f"{sum(a.agrees for a in own) / count:.1%}",
                f"{times[count // 2]:.2f}",
                f"{times[min(count - 1, int(0.99 * count))]:.2f}",
            ]
        )
    return rows


def _fresh_directory(what: str) -> Path:
    return Path("results") / f"{what}_{datetime.now(UTC):%Y-%m-%d_%H-%M-%S}"


def one_cell_table(results: Sequence[Result], policies: Sequence[Policy]) -> Table:
    """Return a row per policy; :data:`LEGEND` explains the columns."""
    shapes = [shape.shape for shape in results[0].summary.shapes]
    head = [
        "policy",
        "SAR",
        "±",
        *map(_short, shapes),
        "p50",
        "p95",
        "p99",
        "GPUs busy",
        "GPU-s",
        "plan p50",
        "plan p99",
    ]
    rows = [head]
    for policy in policies:
        runs = [result.summary for result in results if result.policy == policy.name]

        def mean(values: Sequence[float]) -> float:
            return sum(values) / len(values)

        sar = Spread.of([run.sar for run in runs])
        by_shape: dict[str, list[float]] = defaultdict(list)
        for run in runs:
            for shape in run.shapes:
                by_shape[shape.shape].append(shape.sar)
        rows.append(
            [
                policy.name,
                f"{sar.mean:.3f}",
                f"{sar.half_width:.3f}",
                *(f"{mean(by_shape[shape]):.2f}" for shape in shapes),
                *(f"{mean([getattr(run, f'latency_{p}') for run in runs]):.2f}" for p in ("p50", "p95", "p99")),
                f"{mean([run.utilization for run in runs]):.2f}",
                f"{mean([run.gpu_seconds_per_on_time for run in runs]):.1f}",
                f"{1e3 * mean([run.wall.decision_p50 for run in runs]):.2f}",
                f"{1e3 * mean([run.wall.decision_p99 for run in runs]):.2f}",
            ]
        )
    return rows


def _short(shape: str) -> str:
    """Shorten the label of a square image: 512x512 to 512."""
    height, _, width = shape.partition("x")
    return height if height == width else shape


def grid_table(
    results: Sequence[Result], grid: Sequence[Cell], policies: Sequence[Policy], bounds: Sequence[BoundResult] = ()
) -> Table:
    """Return a row per cell and a column per policy: mean SAR; below, the mean over all cells.

    With bounds, a last column has the clairvoyant bound, and two more rows say what share of it each policy reaches: on
    average (ratio of the means), and in its worst cell.
    """
    sums: dict[tuple[str, str], list[float]] = defaultdict(list)
    for result in results:
        sums[result.cell, result.policy].append(result.summary.sar)
    for bound in bounds:
        sums[bound.cell, "bound"].append(bound.bound)
    names = [policy.name for policy in policies] + (["bound"] if bounds else [])
    means = {key: sum(values) / len(values) for key, values in sums.items()}
    overall = {name: sum(means[cell.label, name] for cell in grid) / len(grid) for name in names}
    rows = [["cell", *names]]
    rows += [[cell.label, *(f"{means[cell.label, name]:.3f}" for name in names)] for cell in grid]
    rows.append(["mean", *(f"{overall[name]:.3f}" for name in names)])
    if bounds:
        worst = [min(means[c.label, name] / max(means[c.label, "bound"], 1e-9) for c in grid) for name in names]
        rows.append(["share of bound", *(f"{overall[name] / overall['bound']:.3f}" for name in names)])
        rows.append(["worst cell", *(f"{share:.3f}" for share in worst)])
    return rows


def _write_runs(results: Sequence[Result], path: Path) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(
            ["cell", "policy", "seed", "requests", "on_time", "late", "dropped", "unfinished", "sar", "utilization"]
        )
        for result in results:
            s = result.summary
            counts = [s.requests, s.on_time, s.late, s.dropped, s.unfinished]
            writer.writerow([result.cell, result.policy, result.seed, *counts, repr(s.sar), repr(s.utilization)])


def _policy(text: str) -> Policy:
    name, colon, overrides = text.partition(":")
    if not colon:
        name, overrides = text, text
    if "=" not in overrides:
        raise ValueError(
            f"--policy {text!r}: give overrides of experiments.run, for example 'sp4:solver=fixed solver.degree=4'"
        )
    return Policy(name.strip(), tuple(overrides.split()))


def _cell(text: str, common: Sequence[str]) -> Cell:
    name, colon, overrides = text.partition(":")
    if not colon:
        raise ValueError(f"--cell {text!r}: give NAME:OVERRIDES, for example 'bursty:workload=gamma workload.rate=12'")
    return Cell(name.strip(), (*common, *overrides.split()))


def _axis(text: str) -> list[str]:
    key, equals, values = text.partition("=")
    if not equals or not values:
        raise ValueError(f"--sweep {text!r}: give KEY=VALUE,VALUE,..., for example workload.rate=6,12,18")
    return [f"{key}={value}" for value in values.split(",")]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.compare",
        description="Serve the same requests with several policies, and compare. Without arguments: the README's table.",
        epilog="example: python -m experiments.compare --policy 'greedy:solver=dp' --policy 'exact:solver=cpsat' "
        "--sweep workload.rate=6,12,18 --seeds 10 workload=skewed",
    )
    parser.add_argument("overrides", nargs="*", help="overrides for all runs, as of experiments.run: workload=skewed")
    parser.add_argument(
        "--policy", action="append", default=[], help="NAME:OVERRIDES; repeat it (default: all shipped)"
    )
    parser.add_argument("--sweep", action="append", default=[], help="KEY=VALUE,VALUE,...: an axis of cells; repeat it")
    parser.add_argument("--grid", action="store_true", help="the paper's grid: 2 mixes x 2 rates x 4 deadline scales")
    parser.add_argument(
        "--rounds", type=_count, help="compare on so many rounds that the first policy meets, not on runs"
    )
    parser.add_argument("--bound", action="store_true", help="add the clairvoyant bound of every cell")
    parser.add_argument(
        "--reference", help="policy that the others are compared with, pair by pair (default: the first)"
    )
    parser.add_argument(
        "--cell", action="append", default=[], help="NAME:OVERRIDES, a cell of a grid of your own; repeat it"
    )
    parser.add_argument("--seeds", type=_count, default=5, help="paired seeds (default 5)")
    parser.add_argument("--first-seed", type=int, default=0, help="the first of them (default 0)")
    parser.add_argument("--jobs", type=int, default=-1, help="processes (default: one per core)")
    parser.add_argument("--output", type=Path, help="directory for the results (default: a new one below results)")
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier comparison there")
    return parser


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
