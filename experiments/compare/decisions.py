"""How many decisions a comparison took, how many were proven, and how long they took: tables over policies and cells."""

from __future__ import annotations

import math
from collections.abc import Sequence

from experiments.results import Summary
from experiments.results.text import Table
from experiments.studies.grid import Cell, Policy, Result


def decisions_table(results: Sequence[Result], policies: Sequence[Policy]) -> Table:
    """Return a row per policy: how many decisions, how many of them proven or by fallback, and how long they took.

    The quantiles are the means over runs of each run's quantile, since runs keep their own.
    """
    head = ["policy", "decisions", "proven optimal", "fallback", "mean gap"]
    rows = [[*head, "p50 ms", "p99 ms", "p99 of worst run", "max ms"]]
    for policy in policies:
        runs = [result.summary for result in results if result.policy == policy.name]
        worst = 1e3 * max(run.wall.decision_p99 for run in runs)
        fallback = f"{_share(runs, 'fallback_share'):.2%}"
        rows.append(
            [
                policy.name,
                str(sum(run.decisions for run in runs)),
                f"{_share(runs, 'optimal_share'):.2%}",
                fallback,
                _gap(runs),
                *_times(runs),
                f"{worst:.2f}",
                f"{1e3 * max(run.wall.decision_max for run in runs):.2f}",
            ]
        )
    return rows


def decisions_by_cell_table(results: Sequence[Result], grid: Sequence[Cell], policies: Sequence[Policy]) -> Table:
    """Return a row per cell and policy: how many jobs its decisions met, how many were proven, and how long they took."""
    rows = [["cell", "policy", "jobs p50", "jobs max", "decisions", "proven", "mean gap", "p50 ms", "p99 ms", "max ms"]]
    for cell in grid:
        for policy in policies:
            runs = [r.summary for r in results if r.cell == cell.label and r.policy == policy.name]
            rows.append(
                [
                    cell.label,
                    policy.name,
                    f"{sum(run.jobs_p50 for run in runs) / len(runs):.0f}",
                    f"{max(run.jobs_max for run in runs):.0f}",
                    str(sum(run.decisions for run in runs)),
                    f"{_share(runs, 'optimal_share'):.2%}",
                    _gap(runs),
                    *_times(runs),
                    f"{1e3 * max(run.wall.decision_max for run in runs):.2f}",
                ]
            )
    return rows


def _share(runs: Sequence[Summary], name: str) -> float:
    """Mean over decisions of a share that is kept per run."""
    count = sum(run.decisions for run in runs)
    return float(sum(getattr(run, name) * run.decisions for run in runs if run.decisions)) / max(count, 1)


def _gap(runs: Sequence[Summary]) -> str:
    """Mean gap over the decisions with a bound; a dash without any."""
    bounded = sum(run.bounded for run in runs)
    gap = sum(run.mean_gap * run.bounded for run in runs if run.bounded) / bounded if bounded else math.nan
    return f"{gap:.3%}" if bounded else "-"


def _times(runs: Sequence[Summary]) -> tuple[str, str]:
    """Mean over runs of the median and of the 99th percentile, in milliseconds."""
    p50 = sum(run.wall.decision_p50 for run in runs) / len(runs)
    p99 = sum(run.wall.decision_p99 for run in runs) / len(runs)
    return f"{1e3 * p50:.2f}", f"{1e3 * p99:.2f}"
