"""Figure 12: Stable Diffusion 3 on 4 x A40, attainment over the deadline scale, both mixes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paper_figs.figure import Figure
from paper_figs.figures._sweeps import ALL, SCALES, best_fixed, by_shape, draw_panels, mean_gain
from paper_figs.lab import Lab, Point
from paper_figs.policies import DP, EXACT, RSSP, SP1, SP2, SP4
from paper_figs.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

SETTING = ("profile=sd3-medium_a40", "cluster=pairs", "workload.rate=3.0")
"""At 3 requests per minute the four A40 have about the relative load that 12 per minute put on eight H100."""


def data(lab: Lab) -> Table:
    """Sweep the scale; deadlines are as tight for this hardware as the paper's are on H100."""
    points = [
        Point(
            {"mix": mix, "scale": scale},
            (f"workload={mix}", *SETTING, f"workload.slo_scale={scale}"),
        )
        for mix in ("uniform", "skewed")
        for scale in SCALES
    ]
    return by_shape(lab, points, (SP1, SP2, SP4, RSSP, DP, *EXACT))


def draw(table: Table) -> Drawing:
    """Draw a panel per mix."""
    titles = {mix: f"{mix} mix, SD3-medium on 4 x A40" for mix in ("uniform", "skewed")}
    return draw_panels(table.where(shape=ALL), "mix", "scale", "deadline scale", titles)


def describe(table: Table) -> str:
    """Say who wins on the small cluster."""
    whole = table.where(shape=ALL)
    gains = [
        whole.number("sar", policy="dp", mix=mix, scale=scale) - best_fixed(whole, mix=mix, scale=scale)[1]
        for mix in ("uniform", "skewed")
        for scale in SCALES
    ]
    text = (
        f"On four A40 in NVLink pairs, TetriServe beats the best fixed degree at {sum(gain > 0 for gain in gains)} of "
        f"{len(gains)} points, by {sum(gains) / len(gains):+.2f} SAR on average. Step times are scaled from A100 and "
        "L20, and deadlines as tight as on H100 relative to the fastest step."
    )
    if "lookahead" in whole.names("policy"):
        mean, _ = mean_gain(whole, "lookahead", "dp", ["mix", "scale"])
        text += f" Lookahead adds {mean:+.2f} to TetriServe."
    return text


FIGURE = Figure("SAR over deadline scale, SD3-medium on 4 x A40", data, draw, describe)
