"""The plots of a comparison of runs: attainment with intervals and bound, times of decisions."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.drawing.palette import BOUND as LIMIT
from experiments.drawing.palette import SOFT, colour_of, fan, mark_of, style
from experiments.studies.bound import BoundResult
from experiments.studies.grid import Cell, Policy, Result, Spread

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, ROW = 8.0, 0.34
"""Inches."""
BOUND = "clairvoyant bound of these runs"
PAPER_BUDGET = 10.0
"""Milliseconds."""


def draw_attainment(
    results: Sequence[Result],
    grid: Sequence[Cell],
    policies: Sequence[Policy],
    bounds: Sequence[BoundResult],
    path: Path,
) -> None:
    """Draw mean SAR with its 95 % interval: a row per policy, or per cell where there are several.

    SAR is by weight where weights differ. The clairvoyant bound of each cell is a black bar that no policy can pass.
    """
    spreads = {
        (cell.label, policy.name): Spread.of(
            [r.summary.weighted_sar for r in results if (r.cell, r.policy) == (cell.label, policy.name)]
        )
        for cell in grid
        for policy in policies
    }
    proven: dict[str, list[float]] = defaultdict(list)
    for bound in bounds:
        proven[bound.cell].append(bound.bound)
    limits = {cell: sum(values) / len(values) for cell, values in proven.items()}
    single = len(grid) == 1
    every = [policy.name for policy in policies]
    names = [policy.name for policy in policies] if single else [cell.title for cell in grid]
    axes = _rows(names, key=0 if single else math.ceil((len(policies) + bool(limits)) / 5))
    for index, policy in enumerate(policies):
        for row, cell in enumerate(grid):
            spread = spreads[cell.label, policy.name]
            place = index if single else row + fan(index, len(policies), 0.6)
            axes.errorbar(
                spread.mean, place, xerr=_half(spread), fmt=mark_of(policy.name, every),
                color=colour_of(policy.name, every), markersize=5, elinewidth=1.2, gid=f"{cell.label}/{policy.name}",
                label=policy.name if not row else None,
            )  # fmt: skip
    for row, cell in enumerate(grid):
        if cell.label in limits:
            low, high = (-0.5, len(policies) - 0.5) if single else (row - 0.42, row + 0.42)
            axes.plot(
                [limits[cell.label]] * 2, [low, high], color=LIMIT, linewidth=1.4, gid=f"{cell.label}/bound",
                label=None if row else BOUND,
            )  # fmt: skip
    what = "SLO attainment" + (" by weight" if any(r.summary.weighted for r in results) else "")
    count = len({r.seed for r in results})
    seeds = f"mean and 95 % interval over {count} seeds" if count > 1 else "one seed"
    axes.set_xlabel(f"{what}, {seeds}", color=SOFT)
    drawn = [s.mean - _half(s) for s in spreads.values()] + [s.mean + _half(s) for s in spreads.values()]
    low = min(*drawn, *limits.values(), 1.0) if limits else min(*drawn, 1.0)
    axes.set_xlim(max(0.0, math.floor(10 * (low - 0.02)) / 10), 1.01)
    _finish(axes, path, legend=not single or bool(limits), only=BOUND if single else "")


def draw_decisions(results: Sequence[Result], policies: Sequence[Policy], path: Path) -> None:
    """Draw the time of decisions: a dot at the median, a bar at the 99th percentile, a line to the longest."""
    times = {}
    for policy in policies:
        walls = [r.summary.wall for r in results if r.policy == policy.name and r.summary.decisions]
        if walls:
            count = len(walls)
            p50, p99 = (1e3 * sum(getattr(w, f"decision_{q}") for w in walls) / count for q in ("p50", "p99"))
            times[policy.name] = (p50, p99, 1e3 * max(wall.decision_max for wall in walls))
    axes = _rows([policy.name for policy in policies], key=1)
    _draw_times(axes, [policy.name for policy in policies], times)
    _finish(axes, path, legend=True)


def _draw_times(axes: Axes, names: Sequence[str], times: Mapping[str, tuple[float, float, float]]) -> None:
    first = True
    for row, name in enumerate(names):
        if name in times:
            p50, p99, longest = (max(value, 1e-4) for value in times[name])
            colour = colour_of(name, names)
            axes.plot(p50, row, "o", color=colour, markersize=5.5, gid=name, label="median" if first else None)
            axes.plot(
                p99,
                row,
                "|",
                color=colour,
                markersize=11,
                markeredgewidth=2,
                label="99th percentile" if first else None,
            )
            axes.plot(
                [p50, longest], [row, row], color=colour, linewidth=1.2, label="to the longest" if first else None
            )
            first = False
    axes.axvline(
        PAPER_BUDGET, color=SOFT, linewidth=0.9, linestyle=":", label=f"the paper's budget, {PAPER_BUDGET:g} ms"
    )
    axes.set_xscale("log")
    axes.set_xlabel("time of a decision (ms)", color=SOFT)


def _rows(names: Sequence[str], key: int) -> Axes:
    """Make axes with a row per name, and room for so many lines of a legend above."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, 0.85 + ROW * len(names) + 0.22 * key), dpi=150, layout="constrained")
    axes = figure.subplots()
    style(axes, names)
    return axes


def _finish(axes: Axes, path: Path, legend: bool, only: str = "") -> None:
    """Add the legend, or its one entry, and write the picture."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    handles, labels = axes.get_legend_handles_labels()
    chosen = [(h, label) for h, label in zip(handles, labels, strict=True) if not only or label == only]
    chosen.sort(key=lambda entry: entry[1] == BOUND)
    if legend and chosen:
        figure.legend(
            [h for h, _ in chosen], [label for _, label in chosen], loc="outside upper center", ncols=min(5, len(chosen)),
            frameon=False, fontsize=9,
        )  # fmt: skip
    figure.savefig(path)


def _half(spread: Spread) -> float:
    return 0.0 if math.isnan(spread.half_width) else spread.half_width
