"""Figure 4: attainment of the fixed degrees over the arrival rate, and by resolution at 12 requests per minute."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paper_figs.charts import categories, lines
from paper_figs.figure import Figure
from paper_figs.figures._sweeps import ALL, RATES, SHAPES, by_shape
from paper_figs.lab import Lab, Point
from paper_figs.policies import SP1, SP2, SP4, SP8
from paper_figs.style import panels
from paper_figs.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

SCALE = 1.5


def data(lab: Lab) -> Table:
    """Sweep the rate with every fixed degree, uniform mix."""
    points = [Point({"rate": rate}, (f"workload.rate={rate}", f"workload.slo_scale={SCALE}")) for rate in RATES]
    return by_shape(lab, points, (SP1, SP2, SP4, SP8))


def draw(table: Table) -> Drawing:
    """Draw attainment over the rate, and below it by resolution."""
    figure, axes = panels(2, 1, 3.7)
    lines(axes[0, 0], table.where(shape=ALL), "rate", gap=0.085)
    axes[0, 0].set_title(f"all requests, scale {SCALE:.1f}")
    axes[0, 0].set_xlabel("requests per minute")
    categories(axes[1, 0], table.where(rate=12).filter(lambda row: row["shape"] != ALL), "shape")
    axes[1, 0].set_title("by resolution, 12 requests per minute")
    axes[1, 0].set_xlabel("pixels")
    for axis in axes[:, 0]:
        axis.set_ylabel("SLO attainment")
    return figure


def describe(table: Table) -> str:
    """Say which degree is best where."""
    best = []
    for shape in SHAPES:
        rows = table.where(rate=12, shape=shape)
        value, name = max((rows.number("sar", policy=name), name) for name in rows.names("policy"))
        best.append(f"SP={name.removeprefix('fixed-')} at {shape} ({value:.2f})")
    whole = table.where(shape=ALL)
    falls = {
        name: whole.number("sar", policy=name, rate=RATES[0]) - whole.number("sar", policy=name, rate=RATES[-1])
        for name in whole.names("policy")
    }
    worst = max(falls, key=lambda name: falls[name])
    different = len({text.partition(" ")[0] for text in best}) > 1
    return (
        f"{'No' if different else 'One'} fixed degree is best for all resolutions: at 12 requests per minute it is "
        f"{', '.join(best)}. From "
        f"{RATES[0]} to {RATES[-1]} requests per minute, SP={worst.removeprefix('fixed-')} loses most "
        f"({-falls[worst]:+.2f})."
    )


FIGURE = Figure("SAR of fixed degrees over arrival rate, and by resolution", data, draw, describe)
