"""Figure 1: three requests on four GPUs under SP=1, SP=4 and step-level sequence parallelism."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.drawing.palette import INK
from experiments.results.panel import PanelSize
from paper_figs.figure import Figure
from paper_figs.lab import Lab
from paper_figs.policies import DP, SP1, SP4
from paper_figs.style import panels
from paper_figs.table import Table, Value
from paper_figs.timelines import draw_timeline, key, timeline_rows
from paper_figs.work import run

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

REQUESTS = [[1024, 50, 0.0, 3.6], [256, 50, 0.1, 1.7], [512, 50, 0.2, 2.7]]
"""Edge in pixels, steps, arrival and deadline in seconds."""
NAMES = ("A", "B", "C")
END = 7.0
ROOM = PanelSize(width=222.0, row=12.0, lane=2.1, text=0.78)
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
    figure, axes = panels(3, 1, 4.1, sharex=True)
    for axis, (name, title) in zip(axes[:, 0], TITLES.items(), strict=True):
        rows = table.where(policy=name)
        draw_timeline(axis, rows, 4, (0.0, END), ROOM, dict(enumerate(NAMES)))
        met = sum(rows.where(kind="request").numbers("on_time"))
        axis.set_title(f"{title}: {met:.0f} of {len(NAMES)} on time", color=INK, pad=2)
    due = ", ".join(f"{name} {deadline:g} s" for name, (_, _, _, deadline) in zip(NAMES, REQUESTS, strict=True))
    axes[2, 0].set_xlabel(f"seconds; due: {due}")
    key(figure, [str(edge) for edge, _, _, _ in sorted(REQUESTS)])
    return figure


def describe(table: Table) -> str:
    """Say who is on time."""
    parts, counts = [], {}
    for name, title in TITLES.items():
        rows = table.where(policy=name, kind="request")
        met = [NAMES[int(r)] for r, good in zip(rows.numbers("request"), rows.numbers("on_time"), strict=True) if good]
        counts[name] = len(met)
        parts.append(f"{title} serves {', '.join(met) or 'none'} in time")
    text = f"Three requests on four GPUs: {'; '.join(parts)}."
    if counts["dp"] == len(NAMES) > max(counts["fixed-1"], counts["fixed-4"]):
        text += " Neither fixed degree serves all; changing the degree between steps leaves room for everybody."
    return text


FIGURE = Figure("Three requests under SP=1, SP=4 and step-level SP", data, draw, describe)
