"""Why numbers differ from the paper's: attainment when one free parameter at a time is set otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paper_figs.figure import Figure
from paper_figs.lab import Lab, Point
from paper_figs.policies import DP, RSSP, SP4, SP8
from paper_figs.style import PAPER_MARK, panels
from paper_figs.table import Table, Value

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

VARIANTS: dict[str, tuple[tuple[str, ...], dict[str, float]]] = {
    "as shipped": ((), {}),
    "hardware 10 % faster": ((), {"speed": 1.1}),
    "hardware 25 % faster": ((), {"speed": 1.25}),
    "hardware 10 % slower": ((), {"speed": 0.9}),
    "late requests dropped": (("engine.late=drop",), {}),
    "bursty arrivals (CV 2)": (("workload.cv=2.0",), {}),
    "encode and decode": (("engine.stages=true",), {}),
    "regroup costs 50 ms": (("engine.regroup_ms=50.0",), {}),
    "rounds of five 2048 steps": (("cadence.tau=0.5415",), {}),
    "planned at events": (("cadence=events",), {}),
}
GREEDY: dict[str, tuple[str, ...]] = {
    "waiting is no survival": ("solver.waiting=false",),
    "every degree offered": ("solver.allocation=false",),
    "no scale-up": ("solver.elastic=false",),
    "… every degree offered": ("solver.elastic=false", "solver.allocation=false"),
    "… rounds of 0.2 s": ("solver.elastic=false", "cadence.tau=0.2"),
    "… planned at events": ("solver.elastic=false", "cadence=events"),
}
"""What only the greedy rounds have; ``…`` stands for no scale-up."""
PAPER = {
    ("uniform", 1.0): {"dp": 0.76, "fixed": 0.74, "rssp": None},
    ("uniform", 1.5): {"dp": 0.95, "fixed": 0.80, "rssp": None},
}


def data(lab: Lab) -> Table:
    """Vary one parameter at a time for TetriServe, RSSP and the better fixed degrees."""
    points = []
    for mix, scale in PAPER:
        for variant, (overrides, more) in VARIANTS.items():
            about: dict[str, Value] = {"mix": mix, "scale": scale, "variant": variant}
            points.append(Point(about, (f"workload={mix}", f"workload.slo_scale={scale}", *overrides), more))
    rows = lab.sweep(points, (DP, RSSP, SP4, SP8)).records()
    for mix, scale in PAPER:
        load = (f"workload={mix}", f"workload.slo_scale={scale}")
        own = [Point({"mix": mix, "scale": scale, "variant": name}, (*load, *more)) for name, more in GREEDY.items()]
        rows += lab.sweep(own, (DP,)).records()
    return Table.of(rows)


def draw(table: Table) -> Drawing:
    """Draw a row per variant."""
    figure, axes = panels(1, 2, 3.9, sharey=True)
    variants = table.names("variant")
    look = {
        "dp": ("TetriServe", "#0072B2", "o"),
        "rssp": ("RSSP", "#E69F00", "v"),
        "fixed-8": ("SP=8", "#4d4d4d", "D"),
        "fixed-4": ("SP=4", "#787878", "^"),
    }
    for axis, (mix, scale) in zip(axes[0], PAPER, strict=True):
        for policy, (label, colour, marker) in look.items():
            rows = table.where(mix=mix, scale=scale, policy=policy)
            places = [variants.index(text) for text in rows.texts("variant")]
            axis.errorbar(
                rows.numbers("sar"), places, xerr=rows.numbers("sar_half"), fmt=marker, color=colour, elinewidth=0.6,
                markersize=3.4, label=label,
            )  # fmt: skip
        axis.plot(PAPER[mix, scale]["dp"], 0, **PAPER_MARK, label="TetriServe, paper")
        axis.set_title(f"scale {scale}")
        axis.set_xlim(0, 1.02)
        axis.grid(axis="x")
        axis.grid(axis="y", visible=False)
    axes[0, 0].set_yticks(range(len(variants)), variants)
    axes[0, 0].set_ylim(len(variants) - 0.5, -0.5)
    figure.supxlabel("SLO attainment, uniform mix", fontsize=7.5)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, columnspacing=1.0, handletextpad=0.1)
    return figure


def describe(table: Table) -> str:
    """Say which parameter moves TetriServe most."""
    parts = []
    for mix, scale in PAPER:
        rows = table.where(mix=mix, scale=scale, policy="dp")
        base = rows.number("sar", variant="as shipped")
        moves = {
            name: rows.number("sar", variant=name) - base for name in rows.names("variant") if name != "as shipped"
        }
        ordered = sorted(moves, key=lambda name: -abs(moves[name]))[:3]
        listed = ", ".join(f"{name} {moves[name]:+.2f}" for name in ordered)
        parts.append(f"{mix} at scale {scale} ({base:.2f}): {listed}")
    return (
        f"The free parameters that move TetriServe's attainment most; {'; '.join(parts)}. Step times are a fit to two "
        "published points, and the paper does not say how a round treats waiting requests and late ones."
    )


FIGURE = Figure("What the differences to the paper come from", data, draw, describe)
