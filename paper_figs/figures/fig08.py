"""Figure 8: attainment over the deadline scale, skewed mix, FLUX.1-dev on 8 x H100 at 12 requests per minute."""

from __future__ import annotations

from paper_figs.figure import Comparison, Figure
from paper_figs.figures import fig07
from paper_figs.figures._sweeps import by_shape, draw_scales, policies_of_paper, scale_points
from paper_figs.lab import Lab
from paper_figs.table import Table


def data(lab: Lab) -> Table:
    """Sweep the scale with the paper's policies."""
    return by_shape(lab, scale_points("skewed"), policies_of_paper())


def describe(table: Table) -> str:
    """Say who wins, and by how much."""
    return fig07.describe(table, "skewed")


def compare(table: Table) -> list[Comparison]:
    """Compare the gain over the best fixed degree."""
    return fig07.gains(table, "skewed", 15.0, 32.0)


FIGURE = Figure("SAR over deadline scale, skewed mix (8 x H100, 12 requests/min)", data, draw_scales, describe, compare)
