"""The picture of the regimes: a row each, the gain over the best simple rule with its interval, sorted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from experiments.drawing.palette import AHEAD, BEHIND, EVEN, INK, SOFT, style
from experiments.studies.regimes.gains import Gain

COLOURS = {"ahead": AHEAD, "even": EVEN, "behind": BEHIND}
MARKERS = {"ahead": "o", "even": "D", "behind": "s"}
WIDTH, ROW = 8.0, 0.34
"""Inches."""


def draw_gains(gains: Sequence[Gain], path: Path) -> None:
    """Draw the gains in points of attainment, the largest on top, with a line at zero and the best simple rule beside."""
    from matplotlib.figure import Figure

    ordered = sorted(gains, key=lambda gain: -gain.over_simple.mean)
    figure = Figure(figsize=(WIDTH, 1.2 + ROW * len(ordered)), dpi=150, layout="constrained")
    axes = figure.subplots()
    axes.axvline(0.0, color=INK, linewidth=1.0, zorder=1)
    ends = [0.0]
    for row, gain in enumerate(ordered):
        mean, half = 100 * gain.over_simple.mean, 100 * gain.over_simple.half_width
        half = 0.0 if math.isnan(half) else half
        ends += [mean - half, mean + half]
        axes.errorbar(
            mean, row, xerr=half, fmt=MARKERS[gain.verdict], color=COLOURS[gain.verdict], markersize=5, elinewidth=1.4,
            gid=gain.regime, zorder=2,
        )  # fmt: skip
    style(axes, [gain.regime for gain in ordered])
    margin = 0.06 * (max(ends) - min(ends) or 1.0)
    axes.set_xlim(min(ends) - margin, max(ends) + margin)
    names = axes.secondary_yaxis("right")
    names.set_yticks(range(len(ordered)), [f"over {gain.simple}" for gain in ordered])
    names.tick_params(length=0, labelsize=8, colors=SOFT)
    names.spines[:].set_visible(False)
    axes.set_xlabel(
        "points of attainment by weight over the best simple rule, 95 % interval over paired seeds",
        color=SOFT,
        fontsize=9,
    )
    figure.savefig(path)
