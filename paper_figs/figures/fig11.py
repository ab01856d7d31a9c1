"""Figure 11: the parallel degree over time, of each resolution, as TetriServe chooses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paper_figs.figure import Figure
from paper_figs.figures._sweeps import SHAPES
from paper_figs.lab import Lab
from paper_figs.policies import BY_NAME, DP, EXACT, Policy
from paper_figs.style import SHAPE_COLOURS, end_labels, panels, shown
from paper_figs.table import Table, Value
from paper_figs.work import run

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

BIN, END = 40.0, 600.0
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
    bins = int(END / BIN)
    sums = {shape: [[0.0, 0.0] for _ in range(bins)] for shape in SHAPES}
    for result in results:
        shapes = [shown(row[0]) for row in result["requests"]]
        for jobs, gpus, start, end, _steps in result["segments"]:
            degree = len(gpus)
            first, last = int(start / BIN), min(int(end / BIN), bins - 1)
            for index in range(first, last + 1):
                busy = min(end, BIN * (index + 1)) - max(start, BIN * index)
                cell = sums[shapes[jobs[0]]][index]
                cell[0] += busy * degree
                cell[1] += busy
    return [
        {
            "policy": policy.name,
            "seeds": len(results),
            "shape": shape,
            "time": BIN * (index + 0.5),
            "degree": busy[0] / busy[1] if busy[1] else None,
        }
        for shape in SHAPES
        for index, busy in enumerate(sums[shape])
    ]


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
            axis.plot(rows.numbers("time"), rows.numbers("degree"), color=SHAPE_COLOURS[shape], label=shape)
            values = [value for value in rows.numbers("degree") if value == value]
            ends.append((values[-1] if values else 1.0, shape, SHAPE_COLOURS[shape]))
        end_labels(axis, ends, END - BIN / 2, 0.1)
        axis.set_yticks([1, 2, 4, 8])
        axis.set_title(BY_NAME[name].label)
        axis.set_ylabel("GPUs per step")
        axis.set_xlim(0, END)
    axes[-1, 0].set_xlabel("seconds; shaded: 18 requests per minute, else 6")
    return figure


def describe(table: Table) -> str:
    """Say how the degree adapts."""
    parts = []
    rows = table.where(policy="dp")
    for shape in SHAPES:
        calm: list[float] = []
        busy: list[float] = []
        for time, degree in zip(
            rows.where(shape=shape).numbers("time"), rows.where(shape=shape).numbers("degree"), strict=True
        ):
            if degree == degree and time > 60:
                (busy if int(time / 120) % 2 else calm).append(degree)
        parts.append(f"{shape}: {sum(calm) / len(calm):.1f} and {sum(busy) / len(busy):.1f}")
    return (
        "The mean number of GPUs of a running step, weighted by time, when 6 and when 18 requests come per minute "
        f"(TetriServe, uniform mix, scale 1.5): {'; '.join(parts)}. Scale-up gives idle GPUs to whoever runs: small "
        "images, too, run on many GPUs while there are any to spare."
    )


FIGURE = Figure("Parallel degree over time, by resolution", data, draw, describe)
