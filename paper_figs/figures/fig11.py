"""Figure 11: the parallel degree over time, of each resolution, as TetriServe chooses it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from experiments.studies.grid import Spread
from paper_figs.figure import Figure
from paper_figs.figures._sweeps import SHAPES
from paper_figs.lab import Lab
from paper_figs.policies import BY_NAME, DP, EXACT, Policy
from paper_figs.style import SHAPE_COLOURS, end_labels, panels, shown
from paper_figs.table import Table, Value
from paper_figs.work import run

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

BIN, END = 60.0, 600.0
PIECES = "workload.pieces=[[120.0,6.0],[120.0,18.0]]"
"""Two minutes at 6 requests per minute, two at 18, and so on."""


def data(lab: Lab) -> Table:
    """Mean degree of running steps in each bin of time, by resolution, over all seeds; the load changes every 2 min."""
    rows: list[dict[str, Value]] = []
    policies = (DP, *EXACT)
    for policy in policies:
        rows += _of_policy(lab, policy)
    return Table.of(rows)


def _of_policy(lab: Lab, policy: Policy) -> list[dict[str, Value]]:
    config = lab.config(f"workload.requests={lab.requests}", "workload.slo_scale=1.5", PIECES, *policy.overrides)
    results = lab.do([run(config | {"seed": seed}, keep=["requests", "segments"]) for seed in lab.seeds])
    by_seed = [mean_degrees(result) for result in results]
    rows: list[dict[str, Value]] = []
    for shape in SHAPES:
        for index in range(int(END / BIN)):
            known = [degrees[shape][index] for degrees in by_seed if degrees[shape][index] is not None]
            spread = Spread.of([value for value in known if value is not None]) if known else None
            about: dict[str, Value] = {"policy": policy.name, "seeds": len(known), "shape": shape}
            degree = (spread.mean, spread.half_width) if spread else (None, None)
            rows.append({**about, "time": BIN * (index + 0.5), "degree": degree[0], "degree_half": degree[1]})
    return rows


def mean_degrees(result: Mapping[str, Any]) -> dict[str, list[float | None]]:
    """Return, by resolution and bin of time, the mean degree of the steps of a run, weighted by time."""
    bins = int(END / BIN)
    sums = {shape: [[0.0, 0.0] for _ in range(bins)] for shape in SHAPES}
    shapes = [shown(row[0]) for row in result["requests"]]
    for jobs, gpus, start, end, _steps in result["segments"]:
        for index in range(int(start / BIN), min(int(end / BIN), bins - 1) + 1):
            busy = min(end, BIN * (index + 1)) - max(start, BIN * index)
            cell = sums[shapes[jobs[0]]][index]
            cell[0] += busy * len(gpus)
            cell[1] += busy
    return {shape: [cell[0] / cell[1] if cell[1] else None for cell in cells] for shape, cells in sums.items()}


def draw(table: Table) -> Drawing:
    """Draw a line per resolution; the busy stretches shaded."""
    names = table.names("policy")
    figure, axes = panels(len(names), 1, 0.4 + 1.7 * len(names), sharex=True)
    for axis, name in zip(axes[:, 0], names, strict=True):
        for start in range(120, int(END), 240):
            axis.axvspan(start, min(start + 120, END), color="#f3e3d3", zorder=0)
        axis.set_ylim(0.8, 8.6)
        ends = []
        for shape in SHAPES:
            rows = table.where(policy=name, shape=shape)
            times, degrees = rows.numbers("time"), rows.numbers("degree")
            beside = [time + 5 * (SHAPES.index(shape) - 1.5) for time in times]
            axis.errorbar(
                beside, degrees, rows.numbers("degree_half"), color=SHAPE_COLOURS[shape], marker="o", markersize=2.6,
                elinewidth=0.7, label=shape,
            )  # fmt: skip
            values = [value for value in degrees if value == value]
            ends.append((values[-1] if values else 1.0, f"{shape} px", SHAPE_COLOURS[shape]))
        end_labels(axis, ends, END - BIN / 2, 0.1)
        axis.set_yticks([1, 2, 4, 8])
        axis.set_title(BY_NAME[name].label)
        axis.set_ylabel("GPUs per step")
        axis.set_xlim(0, END)
    axes[-1, 0].set_xlabel("seconds; shaded: 18 requests per minute, else 6")
    return figure


def describe(table: Table) -> str:
    """Say how the degree adapts."""
    means: dict[str, tuple[float, float]] = {}
    rows = table.where(policy="dp")
    for shape in SHAPES:
        calm: list[float] = []
        busy: list[float] = []
        own = rows.where(shape=shape)
        for time, degree in zip(own.numbers("time"), own.numbers("degree"), strict=True):
            if degree == degree and time > 60:
                (busy if int(time / 120) % 2 else calm).append(degree)
        means[shape] = (sum(calm) / len(calm), sum(busy) / len(busy))
    parts = [f"{shape}: {quiet:.1f} and {loud:.1f}" for shape, (quiet, loud) in means.items()]
    fewer = sum(loud < quiet for quiet, loud in means.values())
    return (
        "The mean number of GPUs of a running step, weighted by time, when 6 and when 18 requests come per minute "
        f"(TetriServe, uniform mix, scale 1.5): {'; '.join(parts)}. Under the higher load {fewer} of the "
        f"{len(means)} resolutions run on fewer GPUs; scale-up gives what is idle to whoever runs, so that 256 images, too, "
        f"get {means['256'][0]:.1f} of 8 when there is little to do."
    )


FIGURE = Figure("Parallel degree over time, by resolution", data, draw, describe)
