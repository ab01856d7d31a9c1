"""Table 4: handing a latent over between GPU groups, as a share of a step, from sizes and link rates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paper_figs.figure import Comparison, Figure
from paper_figs.figures._sweeps import SHAPES
from paper_figs.lab import Lab
from paper_figs.style import SHAPE_COLOURS, end_labels, panels
from paper_figs.table import Table, Value
from profiles import Shape, load_profile

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

BATCHES = (1, 2, 4)
CHANNELS, DOWNSCALE, BYTES = 16, 8, 2
"""Of a FLUX.1-dev latent, in 16 bits."""
LINK = 300e9
"""Bytes per second, the effective NVLink rate of the profile."""
LATENCY = 10e-6
"""Seconds to start a transfer between GPUs; an assumption."""
PAPER_RANGE = (0.01, 0.05)
"""Percent of a step, over all resolutions and batch sizes."""


def data(lab: Lab) -> Table:
    """Compare the time of a transfer with the step on one GPU, where the profile knows it."""
    profile = load_profile("flux1-dev_h100")
    rows: list[dict[str, Value]] = []
    for edge in SHAPES:
        shape = Shape(int(edge), int(edge))
        for batch in BATCHES:
            entry = profile.entry(shape, 1, "local", batch)
            size = batch * CHANNELS * (shape.height // DOWNSCALE) * (shape.width // DOWNSCALE) * BYTES
            transfer = LATENCY + size / LINK
            rows.append(
                {
                    "shape": edge,
                    "batch": batch,
                    "latent_kb": size / 1e3,
                    "transfer_us": 1e6 * transfer,
                    "step_ms": 1e3 * entry.seconds,
                    "percent": 100 * transfer / entry.seconds,
                    "step_time": entry.provenance,
                }
            )
    return Table.of(rows)


def draw(table: Table) -> Drawing:
    """Draw a line per resolution; the paper's range as a band."""
    figure, axes = panels(1, 1, 2.2)
    axis = axes[0, 0]
    axis.axhspan(*PAPER_RANGE, color="#eeeeee", zorder=0)
    axis.text(1.0, PAPER_RANGE[1], "range of the paper", fontsize=6.5, va="bottom")
    axis.set_ylim(0, 1.25 * max(PAPER_RANGE[1], *table.numbers("percent")))
    ends = []
    for shape in SHAPES:
        rows = table.where(shape=shape)
        values = rows.numbers("percent")
        axis.plot(rows.numbers("batch"), values, color=SHAPE_COLOURS[shape], label=shape)
        for batch, value, known in zip(rows.numbers("batch"), values, rows.texts("step_time"), strict=True):
            face = SHAPE_COLOURS[shape] if known in ("published", "measured") else "white"
            axis.plot(batch, value, "o", color=SHAPE_COLOURS[shape], markerfacecolor=face)
        ends.append((values[-1], f"{shape} px", SHAPE_COLOURS[shape]))
    end_labels(axis, ends, BATCHES[-1], 0.1)
    axis.set_xticks(BATCHES, [str(batch) for batch in BATCHES])
    axis.set_xlabel("batch")
    axis.set_ylabel("hand-over, % of a step")
    axis.set_title("step time:  ● published   ○ model", fontweight="normal")
    return figure


def describe(table: Table) -> str:
    """Give the range."""
    low, high = min(table.numbers("percent")), max(table.numbers("percent"))
    return (
        f"Handing a latent over takes {low:.3f} to {high:.3f} % of a step on one H100 (paper: {PAPER_RANGE[0]} to "
        f"{PAPER_RANGE[1]} %), computed from the size of the latent, the NVLink rate of the profile and an assumed 10 "
        "µs to start a transfer. The engine charges 1 ms for every change of group, far more than this."
    )


def compare(table: Table) -> list[Comparison]:
    """Compare the ends of the range."""
    values = table.numbers("percent")
    return [
        Comparison("least hand-over, share of a step", PAPER_RANGE[0], min(values), "%"),
        Comparison("largest hand-over, share of a step", PAPER_RANGE[1], max(values), "%"),
    ]


FIGURE = Figure("Latent hand-over as a share of a step", data, draw, describe, compare)
