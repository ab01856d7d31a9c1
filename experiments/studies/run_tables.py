"""The tables of a comparison of runs: one cell, and a grid of cells."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import zip_longest

from experiments.results.text import Table
from experiments.studies.bound import BoundResult
from experiments.studies.grid import Cell, Policy, Result, Spread
from experiments.studies.simple import best_simple

LEGEND = (
    "SAR: share of all requests on time (wSAR: by weight, where weights differ), with the 95 % confidence interval over "
    "seeds; then by tier and resolution. p50, p95, p99: "
    "latency in seconds of all requests (inf where fewer were served). GPUs busy: share of GPU time in use. GPU-s: "
    "GPU-seconds per request on time. plan: time of a decision in milliseconds."
)

BEST = "best simple"


def one_cell_table(results: Sequence[Result], policies: Sequence[Policy]) -> Table:
    """Return a row per policy; :data:`LEGEND` explains the columns."""
    shapes = [shape.shape for shape in results[0].summary.shapes]
    tiers = [tier.tier for tier in results[0].summary.tiers]
    head = [
        "policy",
        attainment_label(results),
        "±",
        *tiers,
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

        sar = Spread.of([run.weighted_sar for run in runs])
        by_shape: dict[str, list[float]] = defaultdict(list)
        for run in runs:
            for shape in run.shapes:
                by_shape[shape.shape].append(shape.sar)
        rows.append(
            [
                policy.name,
                f"{sar.mean:.3f}",
                sar.half(3),
                *(f"{mean([t.sar for run in runs for t in run.tiers if t.tier == tier]):.2f}" for tier in tiers),
                *(f"{mean(by_shape[shape]):.2f}" for shape in shapes),
                *(f"{mean([getattr(run, f'latency_{p}') for run in runs]):.2f}" for p in ("p50", "p95", "p99")),
                f"{mean([run.utilization for run in runs]):.2f}",
                f"{mean([run.gpu_seconds_per_on_time for run in runs]):.1f}",
                f"{1e3 * mean([run.wall.decision_p50 for run in runs]):.2f}",
                f"{1e3 * mean([run.wall.decision_p99 for run in runs]):.2f}",
            ]
        )
    return rows


def attainment_label(results: Sequence[Result]) -> str:
    """Name what policies are compared by, ``Summary.weighted_sar``: SAR, or wSAR where weights differ in some run."""
    return "wSAR" if any(result.summary.weighted for result in results) else "SAR"


def _short(shape: str) -> str:
    """Shorten the label of a square image: 512x512 to 512."""
    height, _, width = shape.partition("x")
    return height if height == width else shape


def grid_table(
    results: Sequence[Result], grid: Sequence[Cell], policies: Sequence[Policy], bounds: Sequence[BoundResult] = ()
) -> Table:
    """Return a row per cell and a column per policy: mean SAR; below, the mean over all cells.

    SAR is by weight where weights differ. With simple policies, two more columns have the best of them in each cell, by
    its mean, and its name. With bounds, a last column has the clairvoyant bound, and two more rows say what
    share of it each policy reaches: on average (ratio of the means), and in its worst cell.
    """
    sums: dict[tuple[str, str], list[float]] = defaultdict(list)
    for result in results:
        sums[result.cell, result.policy].append(result.summary.weighted_sar)
    for bound in bounds:
        sums[bound.cell, "bound"].append(bound.bound)
    means = {key: sum(values) / len(values) for key, values in sums.items()}
    best = best_simple(results, grid, policies)
    means |= {(cell, BEST): means[cell, name] for cell, name in best.items()}
    names = [policy.name for policy in policies] + [BEST] * bool(best) + ["bound"] * bool(bounds)
    overall = {name: sum(means[cell.label, name] for cell in grid) / len(grid) for name in names}
    rows = [["cell", *names]]
    rows += [[cell.label, *(f"{means[cell.label, name]:.3f}" for name in names)] for cell in grid]
    rows.append(["mean", *(f"{overall[name]:.3f}" for name in names)])
    if bounds:
        worst = [min(means[c.label, name] / max(means[c.label, "bound"], 1e-9) for c in grid) for name in names]
        rows.append(["share of bound", *(f"{overall[name] / overall['bound']:.3f}" for name in names)])
        rows.append(["worst cell", *(f"{share:.3f}" for share in worst)])
    if best:
        at = rows[0].index(BEST) + 1
        which = ["which", *(best[cell.label] for cell in grid)]
        rows = [[*row[:at], name, *row[at:]] for row, name in zip_longest(rows, which, fillvalue="")]
    return rows


def regroup_table(results: Sequence[Result], grid: Sequence[Cell], policies: Sequence[Policy]) -> Table:
    """Return a row per cell and a column per policy: changes of group per request, over all seeds."""
    rows = [["cell", *(policy.name for policy in policies)]]
    for cell in grid:
        row = [cell.label]
        for policy in policies:
            runs = [r.summary for r in results if r.cell == cell.label and r.policy == policy.name]
            row.append(f"{sum(run.regroups for run in runs) / sum(run.requests for run in runs):.2f}")
        rows.append(row)
    return rows


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run in ``runs.csv``; the figures are those of :class:`experiments.results.Summary`."""

    cell: str
    policy: str
    seed: int
    requests: int
    on_time: int
    late: int
    dropped: int
    unfinished: int
    sar: float
    weighted_sar: float
    utilization: float
    regroups: int


def run_rows(results: Sequence[Result]) -> list[RunRow]:
    """Return a row per run."""
    names = [field.name for field in fields(RunRow)[3:]]
    return [RunRow(r.cell, r.policy, r.seed, *(getattr(r.summary, name) for name in names)) for r in results]
