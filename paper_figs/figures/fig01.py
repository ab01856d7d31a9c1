"""Figure 1: three requests on four GPUs under SP=1, SP=4 and step-level sequence parallelism."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paper_figs.figure import Figure
from paper_figs.lab import Lab
from paper_figs.policies import DP, SP1, SP4
from paper_figs.style import INK, SHAPE_COLOURS, panels
from paper_figs.table import Table, Value
from paper_figs.timelines import draw_timeline, request_marks, timeline_rows
from paper_figs.work import run

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

REQUESTS = [[1024, 50, 0.0, 3.6], [256, 50, 0.1, 1.7], [512, 50, 0.2, 2.7]]
"""Edge in pixels, steps, arrival and deadline in seconds."""
NAMES = ("A", "B", "C")
END = 7.0
TITLES = {"fixed-1": "SP=1", "fixed-4": "SP=4", "dp": "step-level SP (TetriServe)"}


def data(lab: Lab) -> Table:
    """Serve the three requests with each policy."""
    rows: list[dict[str, Value]] = []
    for policy in (SP1, SP4, DP):
        config = lab.config("cluster.gpus=4", "engine.noise=0.0", *policy.overrides)
        result = lab.do([run(config, keep=["requests", "segments"], requests=REQUESTS)])[0]
        rows += timeline_rows(result, {"policy": policy.name}, END)
    return Table.of(rows)


def draw(table: Table) -> Drawing:
    """Draw three timelines, one above the other."""
    from matplotlib.patches import Patch

    figure, axes = panels(3, 1, 4.0, sharex=True)
    for axis, (name, title) in zip(axes[:, 0], TITLES.items(), strict=True):
        rows = table.where(policy=name)
        draw_timeline(axis, rows, 4, END, NAMES)
        met = sum(rows.where(kind="request").numbers("on_time"))
        axis.set_title(f"{title}: {met:.0f} of {len(NAMES)} on time", color=INK)
        for request, deadline in enumerate(rows.where(kind="request").numbers("end")):
            axis.axvline(deadline, color="#bbbbbb", linewidth=0.6, zorder=1)
            axis.text(deadline + 0.06, -0.42, NAMES[request], fontsize=6, va="center")
    request_marks(axes[0, 0])
    handles = [
        Patch(color=SHAPE_COLOURS[str(edge)], label=f"{name}: {edge} px, due {deadline:g} s")
        for name, (edge, _, _, deadline) in zip(NAMES, REQUESTS, strict=True)
    ]
    axes[2, 0].set_xlabel("seconds")
    figure.legend(
        handles=handles, loc="outside lower center", ncols=3, columnspacing=1.0, handlelength=1.0, fontsize=6.3
    )
    return figure


def describe(table: Table) -> str:
    """Say who is on time."""
    parts = []
    for name, title in TITLES.items():
        rows = table.where(policy=name, kind="request")
        met = [NAMES[int(r)] for r, good in zip(rows.numbers("request"), rows.numbers("on_time"), strict=True) if good]
        parts.append(f"{title} serves {', '.join(met) or 'none'} in time")
    return (
        f"Three requests on four GPUs: {'; '.join(parts)}. With one GPU each the large image takes too long, with four "
        "each the small ones wait behind it; changing the degree between steps leaves room for all."
    )


FIGURE = Figure("Three requests under SP=1, SP=4 and step-level SP", data, draw, describe)
