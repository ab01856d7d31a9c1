"""The gap: greedy rounds, the same solved exactly, at events, the whole backlog planned, and the clairvoyant bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.drawing.palette import SOFT
from paper_figs.charts import lines
from paper_figs.figure import Figure
from paper_figs.figures._sweeps import mean_gain
from paper_figs.lab import Lab, Point
from paper_figs.policies import BOUND, BY_NAME, DP, EXACT, GRID, ROUND
from paper_figs.style import panels
from paper_figs.table import Table, means

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

SCALES = (1.0, 1.1, 1.2, 1.5)
REQUESTS = 150


def data(lab: Lab) -> Table:
    """Both mixes, two rates, four scales, with runs of 150 requests."""
    points = [
        Point(
            {"mix": mix, "rate": rate, "scale": scale},
            (
                f"workload={mix}",
                f"workload.rate={rate}",
                f"workload.slo_scale={scale}",
                f"workload.requests={40 if lab.quick else REQUESTS}",
            ),
        )
        for mix in ("uniform", "skewed")
        for rate in (12, 18)
        for scale in SCALES
    ]
    return lab.sweep(points, (DP, GRID, ROUND, *EXACT, BOUND))


def draw(table: Table) -> Drawing:
    """Draw a panel per mix and rate."""
    figure, axes = panels(2, 2, 4.1, sharex=True, sharey=True)
    for row, mix in zip(axes, ("uniform", "skewed"), strict=True):
        for axis, rate in zip(row, (12, 18), strict=True):
            lines(axis, table.where(mix=mix, rate=rate), "scale", labels=rate == 18, gap=0.1, limits=(0.3, 1.02))
            axis.set_title(f"{mix}, {rate}/min")
        row[0].set_ylabel("SLO attainment")
    for axis in axes[1]:
        axis.set_xlabel("deadline scale")
        axis.set_xticks(SCALES, [f"{scale:.1f}" for scale in SCALES])
    figure.supxlabel(
        f"{GRID.label}: {DP.label}'s rounds, each solved exactly;\n{ROUND.label}: the same program, at events",
        fontsize=6.5,
        color=SOFT,
    )
    return figure


def describe(table: Table) -> str:
    """Say how much of the bound each policy reaches."""
    cells = ["mix", "rate", "scale"]
    bound = means(table.where(policy="bound"), cells, "sar")
    parts = []
    for name in table.names("policy"):
        if name != "bound":
            found = means(table.where(policy=name), cells, "sar")
            average = sum(found.values()) / len(found)
            share = sum(found[key] / bound[key] for key in found) / len(found)
            parts.append(f"{BY_NAME[name].label} {average:.2f} ({100 * share:.0f} % of the bound)")
    text = (
        f"Mean attainment over the {len(bound)} points: {', '.join(parts)}, clairvoyant bound "
        f"{sum(bound.values()) / len(bound):.2f}. No policy without batches can exceed the bound in these runs, with "
        "the step times that their seeds draw, even with all arrivals known in advance."
    )
    if "lookahead" in table.names("policy"):
        grid, _ = mean_gain(table, "grid", "dp", cells)
        exact, _ = mean_gain(table, "round", "grid", cells)
        ahead, _ = mean_gain(table, "lookahead", "round", cells)
        text += (
            f" Solving the same rounds exactly adds {grid:+.2f}, planning at events instead {exact:+.2f}, and planning the "
            f"whole backlog {ahead:+.2f}."
        )
    return text


FIGURE = Figure("Gap to the clairvoyant bound", data, draw, describe)
