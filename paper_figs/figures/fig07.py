"""Figure 7: attainment over the deadline scale, uniform mix, FLUX.1-dev on 8 x H100 at 12 requests per minute."""

from __future__ import annotations

from paper_figs.figure import Comparison, Figure
from paper_figs.figures._sweeps import (
    ALL,
    best_fixed,
    by_shape,
    draw_scales,
    mean_gain,
    policies_of_paper,
    scale_points,
)
from paper_figs.lab import Lab
from paper_figs.policies import BY_NAME
from paper_figs.table import Table

PAPER_BEST_FIXED = {1.0: 0.74, 1.1: 0.65, 1.2: 0.69, 1.5: 0.80}
PAPER_TETRISERVE = {1.0: 0.76, 1.1: 0.83, 1.2: 0.91, 1.5: 0.95}
"""From the authors' project page."""


def data(lab: Lab) -> Table:
    """Sweep the scale with the paper's policies."""
    table = by_shape(lab, scale_points("uniform"), policies_of_paper())
    printed = {"paper-best-fixed": PAPER_BEST_FIXED, "paper-dp": PAPER_TETRISERVE}
    return table + Table.of(
        {"mix": "uniform", "scale": scale, "policy": policy, "shape": ALL, "sar": value}
        for policy, values in printed.items()
        for scale, value in values.items()
    )


def describe(table: Table, mix: str = "uniform") -> str:
    """Say who wins, and by how much."""
    whole = table.where(shape=ALL).filter(lambda row: row["policy"] in BY_NAME)
    scales = [float(str(scale)) for scale in whole.distinct("scale")]
    gains = [whole.number("sar", policy="dp", scale=s) - best_fixed(whole, scale=s)[1] for s in scales]
    wins = sum(gain > 0 for gain in gains)
    text = (
        f"TetriServe's greedy rounds meet {100 * min(whole.where(policy='dp').numbers('sar')):.0f} to "
        f"{100 * max(whole.where(policy='dp').numbers('sar')):.0f} % of the deadlines of the {mix} mix and beat the "
        f"best fixed degree at {wins} of {len(scales)} scales, by {sum(gains) / len(gains):+.2f} SAR on average and "
        f"{max(gains):+.2f} at most."
    )
    if "lookahead" in whole.names("policy"):
        mean, most = mean_gain(whole, "lookahead", "dp", ["scale"])
        text += f" Planning the backlog at every event (lookahead) adds {mean:+.2f} on average, {most:+.2f} at most."
    largest = table.where(shape="2048", scale=1.0).filter(lambda row: row["policy"] in BY_NAME)
    if max(largest.numbers("sar")) == 0:
        text += " At scale 1.0 no 2048 image is ever on time: its 50 steps take longer than its deadline on 8 GPUs."
    return text


def compare(table: Table) -> list[Comparison]:
    """Compare with the numbers of the project page."""
    whole = table.where(shape=ALL)
    found = []
    for scale, value in PAPER_BEST_FIXED.items():
        found.append(Comparison(f"uniform, scale {scale}, best fixed degree", value, best_fixed(whole, scale=scale)[1]))
        here = whole.number("sar", policy="dp", scale=scale)
        found.append(Comparison(f"uniform, scale {scale}, TetriServe", PAPER_TETRISERVE[scale], here))
    return [*found, *gains(table, "uniform", 10.0, 32.0)]


def gains(table: Table, mix: str, mean: float, most: float) -> list[Comparison]:
    """Compare the relative gain over the best fixed degree, in percent: its mean over the scales, and the largest."""
    whole = table.where(shape=ALL).filter(lambda row: row["policy"] in BY_NAME)
    found = []
    for scale in whole.distinct("scale"):
        fixed = best_fixed(whole, scale=scale)[1]
        found.append(100 * (whole.number("sar", policy="dp", scale=scale) / fixed - 1))
    return [
        Comparison(f"{mix}, mean gain of TetriServe over the best fixed degree", mean, sum(found) / len(found), "%"),
        Comparison(f"{mix}, largest gain (paper: over all its settings)", most, max(found), "%"),
    ]


FIGURE = Figure(
    "SAR over deadline scale, uniform mix (8 x H100, 12 requests/min)", data, draw_scales, describe, compare
)
