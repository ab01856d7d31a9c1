"""Table 1: coefficient of variation of a step, by resolution and degree: the profile, and the simulated engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from experiments.drawing.palette import INK
from experiments.runner import simulate
from paper_figs.charts import paper_versus_here
from paper_figs.figure import Comparison, Figure
from paper_figs.figures._sweeps import SHAPES
from paper_figs.lab import Lab
from paper_figs.style import panels
from paper_figs.table import Table, Value
from paper_figs.work import Task, prepared
from profiles import Shape, load_profile

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

DEGREES = (1, 2, 4, 8)
PAPER = {
    "256": (0.13, 0.31, 0.67, 0.62),
    "512": (0.06, 0.15, 0.14, 0.53),
    "1024": (0.07, 0.12, 0.04, 0.09),
    "2048": (0.05, 0.11, 0.14, 0.28),
}
"""Percent."""


def data(lab: Lab) -> Table:
    """Estimate the variation of a step from simulated requests that run alone at one degree."""
    rows: list[dict[str, Value]] = []
    profile = load_profile("flux1-dev_h100")
    for shape in SHAPES:
        for degree, paper in zip(DEGREES, PAPER[shape], strict=True):
            config = lab.config("solver=fixed", f"solver.degree={degree}", f"workload.mix=homogeneous-{shape}")
            config["workload"] |= {"rate": 0.6, "requests": 100 if lab.quick else 400, "slo_scale": 100.0}
            config["engine"]["regroup_ms"] = 0.0
            config["seed"] = len(rows)
            percent = lab.do([Task("paper_figs.figures.table1:variation", {"config": config})])[0]
            edge = int(shape)
            entry = profile.entry(Shape(edge, edge), degree, "nvlink")
            rows.append(
                {
                    "shape": shape,
                    "degree": degree,
                    "paper": paper,
                    "here": percent,
                    "profile": 100 * entry.spread,
                    "step_time": entry.provenance,
                }
            )
    return Table.of(rows)


def variation(config: Mapping[str, Any]) -> float:
    """Return the variation of one step in percent: that of whole requests, times the root of their steps."""
    records = simulate(prepared(config))
    seconds = [segment.end - segment.start for segment in records.segments]
    steps = records.segments[0].steps
    mean = sum(seconds) / len(seconds)
    deviation = (sum((value - mean) ** 2 for value in seconds) / (len(seconds) - 1)) ** 0.5
    return float(100 * deviation / mean * steps**0.5)


def draw(table: Table) -> Drawing:
    """Draw a row per resolution and degree."""
    figure, axes = panels(1, 1, 3.0)
    shown = Table.of({**row, "what": f"{row['shape']} px, SP={row['degree']}"} for row in table.records())
    paper_versus_here(axes[0, 0], shown)
    axes[0, 0].set_xlim(0, 0.8)
    axes[0, 0].set_xlabel("coefficient of variation of a step (%)")
    axes[0, 0].set_title("● simulated engine   ★ paper (H100)", fontweight="normal", color=INK)
    return figure


def describe(table: Table) -> str:
    """Say what the numbers are worth."""
    differences = [abs(a - b) for a, b in zip(table.numbers("here"), table.numbers("paper"), strict=True)]
    return (
        "The paper's measured variation is an input here: the profile takes it as the spread of a step, and the "
        f"simulated engine gives it back within {max(differences):.2f} percentage points (estimated from requests that "
        f"run alone). Largest: {max(table.numbers('here')):.2f} %."
    )


def compare(table: Table) -> list[Comparison]:
    """Compare every cell."""
    return [
        Comparison(
            f"CV of a step, {row['shape']} px, SP={row['degree']}",
            float(str(row["paper"])),
            float(str(row["here"])),
            "%",
        )
        for row in table.records()
    ]


FIGURE = Figure("Variation of a step", data, draw, describe, compare)
