"""Two timelines of the same load: greedy rounds above, planning the backlog below; lost deadlines marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.results.panel import PanelSize
from paper_figs.figure import Figure
from paper_figs.lab import Lab
from paper_figs.policies import BY_NAME, DP, EXACT, ROUND
from paper_figs.style import PAGE, panels
from paper_figs.table import Table, Value
from paper_figs.timelines import draw_timeline, key, timeline_rows
from paper_figs.work import run

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

END = 60.0
LOAD = ("workload=skewed", "workload.rate=18", "workload.slo_scale=1.2", "workload.requests=40")
SEED = 1
ROOM = PanelSize(width=480.0, row=15.5, lane=1.7, text=0.72)


def data(lab: Lab) -> Table:
    """Serve the same requests with both."""
    rows: list[dict[str, Value]] = []
    for policy in (DP, *(EXACT or (ROUND,))):
        config = lab.config(*LOAD, *policy.overrides) | {"seed": SEED}
        rows += timeline_rows(lab.do([run(config, keep=["requests", "segments"])])[0], {"policy": policy.name}, END)
    return Table.of(rows)


def draw(table: Table) -> Drawing:
    """Draw one above the other."""
    names = table.names("policy")
    first = min(table.where(kind="request").numbers("start")) - 0.5
    figure, axes = panels(len(names), 1, 2.2 * len(names) + 0.3, PAGE, sharex=True)
    for axis, name in zip(axes[:, 0], names, strict=True):
        rows = table.where(policy=name)
        requests = rows.where(kind="request").filter(lambda row: float(str(row["end"])) <= END)
        draw_timeline(axis, rows, 8, (first, END), ROOM)
        met = sum(requests.numbers("on_time"))
        axis.set_title(f"{BY_NAME[name].label}: {met:.0f} of {len(requests)} deadlines met by second {END:g}", pad=2)
    axes[-1, 0].set_xlabel("seconds")
    key(figure)
    return figure


def describe(table: Table) -> str:
    """Count what each loses."""
    lost: dict[str, set[int]] = {}
    for name in table.names("policy"):
        rows = table.where(policy=name, kind="request").filter(lambda row: float(str(row["end"])) <= END)
        missed = zip(rows.numbers("request"), rows.numbers("on_time"), strict=True)
        lost[name] = {int(request) for request, good in missed if not good}
    first, second = table.names("policy")
    return (
        f"The same requests (skewed mix, 18 per minute, scale 1.2): {BY_NAME[first].label} loses {len(lost[first])} "
        f"deadlines in this minute, {BY_NAME[second].label} {len(lost[second])}; {len(lost[first] - lost[second])} of "
        f"the former are met by the latter, and {len(lost[second] - lost[first])} the other way round."
    )


FIGURE = Figure("The same load, greedy and exact", data, draw, describe)
