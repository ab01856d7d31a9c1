"""Fairness: attainment by resolution under each objective, the round solved exactly."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from paper_figs.figure import Figure
from paper_figs.figures._sweeps import ALL, SHAPES, by_shape
from paper_figs.lab import Lab, Point
from paper_figs.policies import ROUND
from paper_figs.style import SHAPE_COLOURS, panels
from paper_figs.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

OBJECTIVES = ("survivors", "fairness", "tardiness", "progress", "weighted")
REQUESTS = 100


def data(lab: Lab) -> Table:
    """Overload: 24 requests per minute at scale 1.5, so that not everybody can be served."""
    table: Table | None = None
    for objective in OBJECTIVES:
        point = Point(
            {"objective": objective},
            ("workload.rate=24", "workload.slo_scale=1.5", f"workload.requests={30 if lab.quick else REQUESTS}"),
        )
        found = by_shape(lab, [point], [replace(ROUND, overrides=(*ROUND.overrides, f"objective={objective}"))])
        table = found if table is None else table + found
    assert table is not None
    return table


def draw(table: Table) -> Drawing:
    """Draw a row per objective with a dot per resolution."""
    figure, axes = panels(1, 1, 2.3)
    axis = axes[0, 0]
    for row, objective in enumerate(OBJECTIVES):
        values = [table.number("sar", objective=objective, shape=shape) for shape in SHAPES]
        axis.plot([min(values), max(values)], [row, row], color="#cccccc", linewidth=1.2, zorder=1)
        for shape, value in zip(SHAPES, values, strict=True):
            half = table.number("sar_half", objective=objective, shape=shape)
            axis.errorbar(value, row, xerr=half, fmt="o", color=SHAPE_COLOURS[shape], elinewidth=0.6,
                          label=f"{shape} px" if not row else None)  # fmt: skip
        axis.plot(table.number("sar", objective=objective, shape=ALL), row, "|", color="#222222", markersize=10,
                  label="all" if not row else None)  # fmt: skip
    axis.set_yticks(range(len(OBJECTIVES)), list(OBJECTIVES))
    axis.set_ylim(len(OBJECTIVES) - 0.5, -0.5)
    axis.set_xlim(0, 1.02)
    axis.grid(axis="x")
    axis.grid(axis="y", visible=False)
    axis.set_xlabel("SLO attainment by resolution")
    figure.legend(loc="outside upper center", ncols=5, columnspacing=0.8, handletextpad=0.1)
    return figure


def describe(table: Table) -> str:
    """Give the spread between resolutions under each objective."""
    parts = []
    for objective in OBJECTIVES:
        values = [table.number("sar", objective=objective, shape=shape) for shape in SHAPES]
        whole = table.number("sar", objective=objective, shape=ALL)
        parts.append(f"{objective} {whole:.2f} overall, {max(values) - min(values):.2f} between resolutions")
    return (
        "In overload the objective decides who waits. Attainment, and the distance between the best and the worst "
        f"resolution: {'; '.join(parts)}."
    )


FIGURE = Figure("Attainment by resolution under each objective", data, draw, describe)
