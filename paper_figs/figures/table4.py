"""Table 4: handing a latent over between GPU groups, as a share of a step, from sizes and link rates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.drawing.palette import INK
from paper_figs.figure import Comparison, Figure
from paper_figs.figures._sweeps import SHAPES
from paper_figs.lab import Lab
from paper_figs.measured import hand_over
from paper_figs.style import SHAPE_COLOURS, draw_point, end_labels, panels, provenance_key
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
SAME, OTHER = "executor, same group", "executor, another group"
"""Rows that were measured on two processor cores: the whole time from a chunk of steps to the next."""
PAPER_RANGE = (0.01, 0.05)
"""Percent of a step, over all resolutions and batch sizes."""


def data(lab: Lab) -> Table:
    """Compare the time of a transfer with the step on one GPU, and add what the executor measures on processor cores."""
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
    measured = hand_over()
    if measured is not None:
        same, other, step = measured
        for name, milliseconds in ((SAME, same), (OTHER, other)):
            about: dict[str, Value] = {"shape": name, "batch": 1, "transfer_us": 1e3 * milliseconds, "step_ms": step}
            rows.append({**about, "percent": 100 * milliseconds / step, "step_time": "measured"})
    return Table.of(rows)


def draw(table: Table) -> Drawing:
    """Draw a line per resolution on a logarithmic scale; the paper's range as a band, what was measured beside."""
    figure, axes = panels(1, 1, 2.6)
    axis = axes[0, 0]
    axis.set_yscale("log")
    axis.set_ylim(0.0008, 1.0)
    axis.axhspan(*PAPER_RANGE, color="#eeeeee", zorder=0)
    axis.text(4.0, PAPER_RANGE[1] * 0.93, "range of the paper", fontsize=6.5, va="top", ha="right")
    ends = []
    for shape in SHAPES:
        rows = table.where(shape=shape)
        values = rows.numbers("percent")
        axis.plot(rows.numbers("batch"), values, color=SHAPE_COLOURS[shape], label=shape)
        for batch, value, known in zip(rows.numbers("batch"), values, rows.texts("step_time"), strict=True):
            draw_point(axis, batch, value, known, SHAPE_COLOURS[shape])
        ends.append((values[-1], f"{shape} px", SHAPE_COLOURS[shape]))
    end_labels(axis, ends, BATCHES[-1], 0.1)
    measured = table.where(step_time="measured").records()
    for row in measured:
        draw_point(axis, float(str(row["batch"])), float(str(row["percent"])), "measured", INK)
    if measured:
        axis.annotate(
            "executor on two cores: to the next chunk,\non the same group or on another one",
            (1.0, float(str(measured[0]["percent"]))), xytext=(6, 0), textcoords="offset points", fontsize=6.5, va="center",
        )  # fmt: skip
    axis.set_xticks(BATCHES, [str(batch) for batch in BATCHES])
    axis.set_xlabel("batch")
    axis.set_ylabel("hand-over, % of a step")
    provenance_key(figure, table.names("step_time"))
    return figure


def describe(table: Table) -> str:
    """Give the range, and what was measured."""
    values = table.filter(lambda row: row["shape"] not in (SAME, OTHER)).numbers("percent")
    text = (
        f"Handing a latent over takes {min(values):.3f} to {max(values):.3f} % of a step on one H100 (paper: "
        f"{PAPER_RANGE[0]} to {PAPER_RANGE[1]} %), computed from the size of the latent, the NVLink rate of the profile and "
        "an assumed 10 µs to start a transfer. The engine charges 1 ms for every change of group, far more than this."
    )
    if SAME in table.names("shape"):
        same, other = (table.number("transfer_us", shape=shape) / 1e3 for shape in (SAME, OTHER))
        step = table.number("step_ms", shape=SAME)
        text += (
            f" Measured on two processor cores, the executor goes from a chunk to the next in {same:.2f} ms on the same "
            f"group and in {other:.2f} ms on another one, with steps of {step:.0f} ms: "
            + (
                "the hand-over is lost in the noise."
                if other <= same
                else f"it adds {100 * (other - same) / step:.2f} %."
            )
        )
    return text


def compare(table: Table) -> list[Comparison]:
    """Compare the ends of the range."""
    values = table.filter(lambda row: row["shape"] not in (SAME, OTHER)).numbers("percent")
    return [
        Comparison("least hand-over, share of a step", PAPER_RANGE[0], min(values), "%"),
        Comparison("largest hand-over, share of a step", PAPER_RANGE[1], max(values), "%"),
    ]


FIGURE = Figure("Latent hand-over as a share of a step", data, draw, describe, compare)
