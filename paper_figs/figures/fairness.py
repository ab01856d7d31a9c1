"""Fairness: attainment by resolution under each objective, in both programs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from paper_figs.charts import SHARES
from paper_figs.figure import Figure
from paper_figs.figures._sweeps import ALL, SHAPES, by_shape
from paper_figs.lab import Lab, Point
from paper_figs.policies import BY_NAME, LOOKAHEAD, ROUND
from paper_figs.style import SHAPE_COLOURS, panels
from paper_figs.table import Table, Value

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

OBJECTIVES = {
    "round": (
        "survivors",
        "fairness",
        "least_share",
        "cost",
        "moves",
        "weighted",
        "lexicographic",
        "progress",
        "tardiness",
    ),
    "lookahead": ("on_time", "fairness", "least_share", "cost", "tardiness"),
}
"""All shipped objectives that ask for work and that the program of a policy can express; ``on_time`` is ``survivors`` with
weights, which are 1 here."""
REQUESTS = 100
TIE = 0.005
"""Smaller differences in SAR are none."""


def data(lab: Lab) -> Table:
    """Overload: 24 requests per minute at scale 1.5, so that not everybody can be served."""
    rows: list[dict[str, Value]] = []
    requests = f"workload.requests={30 if lab.quick else REQUESTS}"
    for policy in (ROUND, LOOKAHEAD):
        for objective in OBJECTIVES[policy.name]:
            point = Point({"objective": objective}, ("workload.rate=24", "workload.slo_scale=1.5", requests))
            aiming = replace(policy, overrides=(*policy.overrides, f"objective={objective}"))
            rows += by_shape(lab, [point], [aiming]).records()
    return Table.of(rows)


def draw(table: Table) -> Drawing:
    """Draw a row per objective with a dot per resolution, a panel per program."""
    heights = [len(OBJECTIVES[name]) for name in OBJECTIVES]
    figure, axes = panels(2, 1, 1.3 + 0.21 * sum(heights), sharex=True, height_ratios=heights)
    for axis, (name, objectives) in zip(axes[:, 0], OBJECTIVES.items(), strict=True):
        for row, objective in enumerate(objectives):
            mine = table.where(policy=name, objective=objective)
            values = [mine.number("sar", shape=shape) for shape in SHAPES]
            axis.plot([min(values), max(values)], [row, row], color="#cccccc", linewidth=1.2, zorder=1)
            for index, (shape, value) in enumerate(zip(SHAPES, values, strict=True)):
                axis.errorbar(
                    value, row + 0.14 * (index - 1.5), xerr=mine.number("sar_half", shape=shape), fmt="o", elinewidth=0.6,
                    color=SHAPE_COLOURS[shape], markersize=3.2, label=f"{shape} px" if not row else None,
                )  # fmt: skip
            whole = mine.number("sar", shape=ALL)
            axis.plot(whole, row, "|", color="#222222", markersize=9, label="all" if not row else None)
        axis.set_yticks(range(len(objectives)), [objective.replace("_", " ") for objective in objectives])
        axis.set_ylim(len(objectives) - 0.5, -0.5)
        axis.set_title(BY_NAME[name].label)
        axis.grid(axis="x")
        axis.grid(axis="y", visible=False)
    axes[1, 0].set_xlim(*SHARES)
    axes[1, 0].set_xlabel("SLO attainment by resolution")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=5, columnspacing=0.8, handletextpad=0.1)
    return figure


def describe(table: Table) -> str:
    """Say under which objective the resolutions are closest and furthest apart, and what it costs overall."""
    parts = []
    for name, objectives in OBJECTIVES.items():
        spread, overall = {}, {}
        for objective in objectives:
            mine = table.where(policy=name, objective=objective)
            values = [mine.number("sar", shape=shape) for shape in SHAPES]
            spread[objective], overall[objective] = max(values) - min(values), mine.number("sar", shape=ALL)
        top, close = max(overall.values()), min(spread.values())
        most = [objective for objective in objectives if overall[objective] >= top - TIE]
        fairest = [objective for objective in objectives if spread[objective] <= close + TIE]
        listed = ", ".join(
            f"{objective} {overall[objective]:.2f} ({spread[objective]:.2f})" for objective in objectives
        )
        parts.append(
            f"With the {BY_NAME[name].label}, most are served in time ({top:.2f}) under {' and '.join(most)}, and the "
            f"resolutions are closest under {' and '.join(fairest)}; overall attainment and, in brackets, "
            f"the distance between the best and the worst resolution: {listed}."
        )
    return "Overload: 24 requests per minute at scale 1.5, so that somebody must wait. " + " ".join(parts)


FIGURE = Figure("Attainment by resolution under each objective", data, draw, describe)
