"""Figure 13: attainment over the arrival rate at deadline scale 1.0."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paper_figs.figure import Figure
from paper_figs.figures._sweeps import ALL, RATES, best_fixed, by_shape, draw_panels, policies_of_paper
from paper_figs.lab import Lab, Point
from paper_figs.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing


def data(lab: Lab) -> Table:
    """Sweep the rate with both mixes."""
    points = [
        Point({"mix": mix, "rate": rate}, (f"workload={mix}", f"workload.rate={rate}", "workload.slo_scale=1.0"))
        for mix in ("uniform", "skewed")
        for rate in RATES
    ]
    return by_shape(lab, points, policies_of_paper())


def draw(table: Table) -> Drawing:
    """Draw a panel per mix."""
    titles = {"uniform": "uniform mix", "skewed": "skewed mix"}
    return draw_panels(table.where(shape=ALL), "mix", "rate", "requests per minute", titles)


def describe(table: Table) -> str:
    """Say how attainment falls with the rate."""
    whole = table.where(shape=ALL)
    parts = []
    low, high = RATES[0], RATES[-1]
    for mix in ("uniform", "skewed"):
        _, first = best_fixed(whole, mix=mix, rate=low)
        last = best_fixed(whole, mix=mix, rate=high)[1]
        ours = [whole.number("sar", mix=mix, rate=rate, policy="dp") for rate in (low, high)]
        parts.append(
            f"{mix}, from {low} to {high} requests per minute: TetriServe {ours[0]:.2f} to {ours[1]:.2f}, the best "
            f"fixed degree {first:.2f} to {last:.2f}"
        )
    text = f"Attainment at scale 1.0 as the load grows; {parts[0]}; {parts[1]}."
    if max(table.where(shape="2048").numbers("sar")) == 0:
        text += " Its ceiling is the share of the other resolutions: no 2048 image is on time at this scale with any policy."
    return text


FIGURE = Figure("SAR over arrival rate at scale 1.0", data, draw, describe)
