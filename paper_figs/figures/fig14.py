"""Figure 14: homogeneous workloads, one resolution each, at deadline scale 1.5."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paper_figs.charts import categories
from paper_figs.figure import Figure
from paper_figs.figures._sweeps import FIXED, SHAPES, policies_of_paper
from paper_figs.lab import Lab, Point
from paper_figs.style import panels
from paper_figs.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing


def data(lab: Lab) -> Table:
    """Serve each resolution alone."""
    points = [
        Point({"shape": shape}, (f"workload.mix=homogeneous-{shape}", "workload.slo_scale=1.5")) for shape in SHAPES
    ]
    return lab.sweep(points, policies_of_paper())


def draw(table: Table) -> Drawing:
    """Draw attainment over the resolution."""
    figure, axes = panels(1, 1, 2.7)
    categories(axes[0, 0], table, "shape", gap=0.075)
    axes[0, 0].set_title("all requests of one resolution, scale 1.5")
    axes[0, 0].set_ylabel("SLO attainment")
    axes[0, 0].set_xlabel("pixels")
    return figure


def describe(table: Table) -> str:
    """Compare with the best fixed degree of each resolution."""
    parts = []
    for shape in SHAPES:
        rows = table.where(shape=shape)
        value, name = max((rows.number("sar", policy=name), name) for name in FIXED)
        parts.append(
            f"{shape}: {rows.number('sar', policy='dp'):.2f} against {value:.2f} (SP={name.removeprefix('fixed-')})"
        )
    return (
        "With one resolution alone a fixed degree can be tuned to it. TetriServe against the best of them: "
        f"{'; '.join(parts)}."
    )


FIGURE = Figure("Homogeneous workloads at scale 1.5", data, draw, describe)
