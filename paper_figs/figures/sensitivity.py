"""Sensitivity: step times that are mis-profiled or noisy, bursty arrivals, and decisions that take time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paper_figs.charts import lines
from paper_figs.figure import Figure
from paper_figs.lab import Lab, Point
from paper_figs.policies import BY_NAME, DP, EDF, EXACT
from paper_figs.style import panels
from paper_figs.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

AXES: dict[str, tuple[str, str, tuple[float, ...]]] = {
    "error": ("step times believed / true", "profile.error", (0.8, 0.9, 1.0, 1.1, 1.25)),
    "noise": ("CV of a step's time", "engine.noise_cv", (0.001, 0.05, 0.1, 0.2, 0.3)),
    "burstiness": ("CV of gaps between arrivals", "workload.cv", (1.0, 1.35, 1.6, 2.4, 3.6)),
    "latency": ("planner latency (ms)", "engine.latency_ms", (0.0, 10.0, 50.0, 100.0, 200.0)),
}


def data(lab: Lab) -> Table:
    """Vary one thing at a time around the uniform mix, 12 requests per minute, scale 1.2."""
    points = []
    for name, (_, field, values) in AXES.items():
        for value in values:
            more = ("engine.latency=fixed",) if name == "latency" and value else ()
            points.append(Point({"axis": name, "value": value}, ("workload.slo_scale=1.2", f"{field}={value}", *more)))
    return lab.sweep(points, (DP, EDF, *EXACT))


def draw(table: Table) -> Drawing:
    """Draw a panel per disturbance."""
    figure, axes = panels(2, 2, 3.9, sharey=True)
    for axis, (name, (label, _, _)) in zip(axes.flat, AXES.items(), strict=True):
        lines(axis, table.where(axis=name), "value", labels=False, limits=(0.3, 1.0))
        axis.set_xlabel(label)
    for row in axes:
        row[0].set_ylabel("SLO attainment")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    return figure


def describe(table: Table) -> str:
    """Say what hurts most."""
    parts = []
    for name in table.names("policy"):
        falls = []
        for axis, (_, _, values) in AXES.items():
            rows = table.where(policy=name, axis=axis)
            middle = rows.number("sar", value=1.0) if axis == "error" else rows.number("sar", value=values[0])
            falls.append(f"{axis} {min(rows.numbers('sar')) - middle:+.2f}")
        parts.append(f"{BY_NAME[name].label}: {', '.join(falls)}")
    return f"Largest loss of attainment along each axis, from its undisturbed point: {'; '.join(parts)}."


FIGURE = Figure("Sensitivity to profile error, noise, burstiness and planner latency", data, draw, describe)
