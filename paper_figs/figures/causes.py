"""Why numbers differ from the paper's: attainment when one free parameter at a time is set otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from paper_figs.charts import SHARES
from paper_figs.figure import Figure
from paper_figs.figures.fig07 import PAPER_TETRISERVE
from paper_figs.lab import Lab, Point
from paper_figs.policies import DP, RSSP, SP4, SP8
from paper_figs.style import PAPER_MARK, panels
from paper_figs.table import Table, Value

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

VARIANTS: dict[str, tuple[tuple[str, ...], dict[str, float]]] = {
    "as shipped": ((), {}),
    "512 text tokens": (("profile=flux1-dev_h100",), {}),
    "late requests dropped": (("engine.late=drop",), {}),
    "bursty arrivals (CV 2)": (("workload.cv=2.0",), {}),
    "bursty arrivals (CV 3.6)": (("workload.cv=3.6",), {}),
    "encode and decode": (("engine.stages=true",), {}),
    "regroup costs 50 ms": (("engine.regroup_ms=50.0",), {}),
    "planned at events": (("cadence=events",), {}),
}
GREEDY: dict[str, tuple[str, ...]] = {
    "rounds of five 1024 steps": ("cadence.steps=5",),
    "rounds of five 2048 steps": ("cadence.steps=5", "cadence.resolution=2048x2048", "cadence.degree=8"),
    "waiting is no survival": ("solver.waiting=false",),
    "every degree offered": ("solver.allocation=false",),
}
STAGED: dict[str, tuple[str, ...]] = {
    "no scale-up": ("solver.elastic=false",),
    "… every degree offered": ("solver.elastic=false", "solver.allocation=false"),
    "… rounds of five 1024 steps": ("solver.elastic=false", "cadence.steps=5"),
    "… planned at events": ("solver.elastic=false", "cadence=events"),
    "… regroup costs 50 ms": ("solver.elastic=false", "engine.regroup_ms=50.0"),
    "… and no placement": ("solver.elastic=false", "engine.regroup_ms=50.0", "solver.preserve=false"),
}
"""What only the greedy rounds have; ``…`` stands for no scale-up."""
CACHED: dict[str, dict[str, Any]] = {
    "with Nirvana": {"nirvana": {}},
    "with Nirvana, closer prompts": {"nirvana": {"alpha": 16.0}},
}
"""For table 3; the closer prompts have a mean similarity of 0.89 instead of 0.8."""
POINTS = (("uniform", 1.0), ("uniform", 1.1), ("uniform", 1.2), ("uniform", 1.5), ("skewed", 1.0), ("skewed", 1.5))
SHOWN = (("uniform", 1.0), ("uniform", 1.5), ("skewed", 1.0), ("skewed", 1.5))
"""Mix and deadline scale of the panels; the file has all points."""


def data(lab: Lab) -> Table:
    """Vary one parameter at a time for TetriServe, RSSP and the better fixed degrees."""
    rows: list[dict[str, Value]] = []
    for mix, scale in POINTS:
        load = (f"workload={mix}", f"workload.slo_scale={scale}")

        def point(
            variant: str, overrides: tuple[str, ...], more: Mapping[str, Any], mix: str = mix, scale: float = scale,
            load: tuple[str, ...] = load,
        ) -> Point:  # fmt: skip
            return Point({"mix": mix, "scale": scale, "variant": variant}, (*load, *overrides), more)

        everyone = [point(name, overrides, more) for name, (overrides, more) in VARIANTS.items()]
        rows += lab.sweep(everyone, (DP, RSSP, SP4, SP8)).records()
        greedy = [point(name, overrides, {}) for name, overrides in (GREEDY | STAGED).items()]
        rows += lab.sweep(greedy, (DP,)).records()
        if scale == 1.0:
            rows += lab.sweep([point(name, (), more) for name, more in CACHED.items()], (DP, RSSP)).records()
    return Table.of(rows)


def draw(table: Table) -> Drawing:
    """Draw a row per variant and a panel per point."""
    figure, axes = panels(2, 2, 7.4, sharey=True, sharex=True)
    variants = table.names("variant")
    for axis, (mix, scale) in zip(axes.flat, SHOWN, strict=True):
        for policy in (SP4, SP8, RSSP, DP):
            rows = table.where(mix=mix, scale=scale, policy=policy.name)
            places = [variants.index(text) for text in rows.texts("variant")]
            axis.errorbar(
                rows.numbers("sar"), places, xerr=rows.numbers("sar_half"), fmt=policy.marker, color=policy.colour,
                elinewidth=0.6, markersize=3.4, label=policy.label,
            )  # fmt: skip
        if mix == "uniform":
            axis.plot(PAPER_TETRISERVE[scale], -1.1, **PAPER_MARK, clip_on=False, label="TetriServe, paper (figure 7)")
        axis.set_title(f"{mix}, scale {scale:.1f}", fontsize=7, fontweight="normal")
        axis.set_xlim(*SHARES)
        axis.grid(axis="x")
        axis.grid(axis="y", visible=False)
        axis.tick_params(axis="y", labelsize=6.3)
    axes[0, 0].set_yticks(range(len(variants)), variants)
    axes[0, 0].set_ylim(len(variants) - 0.5, -1.7)
    for axis in axes[1]:
        axis.set_xlabel("attainment")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, columnspacing=1.0, handletextpad=0.1)
    return figure


def moves(table: Table, mix: str, scale: float, policy: str) -> dict[str, float]:
    """Return by how much each variant of the whole system moves the attainment of a policy at a point."""
    rows = table.where(mix=mix, scale=scale, policy=policy)
    base = rows.number("sar", variant="as shipped")
    free = [name for name in rows.names("variant") if name in VARIANTS | GREEDY and name != "as shipped"]
    return {name: rows.number("sar", variant=name) - base for name in free}


def describe(table: Table) -> str:
    """Say which parameter moves TetriServe most."""
    parts = []
    for mix, scale in SHOWN:
        base = table.number("sar", mix=mix, scale=scale, policy="dp", variant="as shipped")
        found = moves(table, mix, scale, "dp")
        listed = ", ".join(
            f"{name} {found[name]:+.2f}" for name in sorted(found, key=lambda name: -abs(found[name]))[:3]
        )
        parts.append(f"{mix} at scale {scale} ({base:.2f}): {listed}")
    return (
        f"The free parameters that move the whole system's attainment most; {'; '.join(parts)}. Step times come from a model "
        "pinned to two published points, and from the text length that the paper's Table 1 implies."
    )


FIGURE = Figure("What the differences to the paper come from", data, draw, describe)
