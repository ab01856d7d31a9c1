"""Attainment against cost: GPU-seconds per request on time, for every policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paper_figs.charts import SHARES
from paper_figs.figure import Figure
from paper_figs.lab import Lab, Point, figure_of, sar
from paper_figs.policies import BY_NAME, DP, EDF, EXACT, RSSP, SP1, SP2, SP4, SP8
from paper_figs.style import panels
from paper_figs.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing


def data(lab: Lab) -> Table:
    """Run every policy on both mixes at 12 requests per minute and scale 1.2."""
    points = [Point({"mix": mix}, (f"workload={mix}", "workload.slo_scale=1.2")) for mix in ("uniform", "skewed")]
    metrics = {"sar": sar, "gpu_seconds": figure_of("gpu_seconds_per_on_time"), "busy": figure_of("utilization")}
    return lab.sweep(points, (SP1, SP2, SP4, SP8, RSSP, EDF, DP, *EXACT), metrics)


def draw(table: Table) -> Drawing:
    """Draw a dot per policy; up and left is better."""
    figure, axes = panels(2, 1, 4.2)
    for axis, mix in zip(axes[:, 0], ("uniform", "skewed"), strict=True):
        rows = table.where(mix=mix)
        axis.set_ylim(*SHARES)
        for record in rows.records():
            policy = BY_NAME[str(record["policy"])]
            x, y = float(str(record["gpu_seconds"])), float(str(record["sar"]))
            axis.errorbar(
                x, y, xerr=float(str(record["gpu_seconds_half"])), yerr=float(str(record["sar_half"])),
                fmt=policy.marker, color=policy.colour, elinewidth=0.6, markersize=4.5, label=policy.label,
            )  # fmt: skip
        axis.set_xlim(0, 1.15 * max(rows.numbers("gpu_seconds")))
        axis.grid(axis="x")
        axis.set_title(f"{mix} mix, scale 1.2")
        axis.set_ylabel("SLO attainment")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4, columnspacing=1.0, handletextpad=0.1)
    axes[1, 0].set_xlabel("GPU-seconds per request on time")
    return figure


def describe(table: Table) -> str:
    """Name the policies that no other dominates."""
    parts = []
    for mix in ("uniform", "skewed"):
        points = [
            (str(r["policy"]), float(str(r["sar"])), float(str(r["gpu_seconds"])))
            for r in table.where(mix=mix).records()
        ]
        front = [
            name for name, s, g in points if not any(s2 >= s and g2 <= g and (s2, g2) != (s, g) for _, s2, g2 in points)
        ]
        parts.append(f"{mix}: {', '.join(BY_NAME[name].label for name in front)}")
    return f"Policies that no other beats in both attainment and GPU-seconds per request on time: {'; '.join(parts)}."


FIGURE = Figure("Attainment against GPU-seconds", data, draw, describe)
