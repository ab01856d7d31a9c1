"""Table 5: ablation of the greedy rounds: schedule only, + placement preservation, + elastic scale-up."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from experiments.drawing.palette import INK
from paper_figs.charts import paper_versus_here
from paper_figs.figure import Comparison, Figure
from paper_figs.figures.fig07 import PAPER_TETRISERVE
from paper_figs.lab import Lab, Point, figure_of, sar
from paper_figs.policies import DP
from paper_figs.style import panels
from paper_figs.table import Table, Value

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

STAGES = {
    "schedule": ("solver.preserve=false", "solver.elastic=false"),
    "+ placement": ("solver.preserve=true", "solver.elastic=false"),
    "+ elastic": ("solver.preserve=true", "solver.elastic=true"),
}
PAPER: dict[tuple[str, float], list[tuple[float, float]]] = {
    ("uniform", 1.0): [(0.54, 4.45), (0.56, 3.96), (0.63, 3.89)],
    ("uniform", 1.5): [(0.74, 4.81), (0.69, 5.14), (0.78, 4.83)],
    ("skewed", 1.0): [(0.27, 8.43), (0.31, 7.64), (0.36, 7.68)],
    ("skewed", 1.5): [(0.38, 9.92), (0.45, 8.16), (0.55, 7.71)],
}
"""SAR and mean latency in seconds of each stage."""


def data(lab: Lab) -> Table:
    """Run the three stages at the four points."""
    metrics = {"sar": sar, "latency": figure_of("latency_mean_completed"), "completed": figure_of("completed")}
    rows: list[dict[str, Value]] = []
    for (mix, scale), printed in PAPER.items():
        for (stage, overrides), (paper_sar, paper_latency) in zip(STAGES.items(), printed, strict=True):
            point = Point(
                {"mix": mix, "scale": scale, "stage": stage}, (f"workload={mix}", f"workload.slo_scale={scale}")
            )
            policy = replace(DP, overrides=(*DP.overrides, *overrides))
            record = lab.sweep([point], [policy], metrics).records()[0]
            rows.append({**record, "paper_sar": paper_sar, "paper_latency": paper_latency})
    return Table.of(rows)


def draw(table: Table) -> Drawing:
    """Draw attainment and mean latency of each stage, beside what the paper prints."""
    ends = zip(table.numbers("latency"), table.numbers("latency_half"), strict=True)
    longest = 1.04 * max(mean + (half if half == half else 0.0) for mean, half in ends)
    figure, axes = panels(2, 2, 4.2, sharey="row", sharex="col")
    for axis, mix in zip(axes, ("uniform", "skewed"), strict=True):
        rows = table.where(mix=mix)
        for panel, metric in zip(axis, ("sar", "latency"), strict=True):
            shown = Table.of(
                {
                    "what": f"scale {float(str(row['scale']))}: {row['stage']}"
                    if row["stage"] == "schedule"
                    else row["stage"],
                    "here": row[metric],
                    "here_half": row[f"{metric}_half"],
                    "paper": row[f"paper_{metric}"],
                }
                for row in rows.records()
            )
            paper_versus_here(panel, shown, title=f"{mix} mix" if metric == "sar" else "")
            panel.axhline(2.5, color="#bbbbbb", linewidth=0.6)
        axis[0].set_xlim(0, 1.02)
        axis[1].set_xlim(0, longest)
    axes[1, 0].set_xlabel("SLO attainment")
    axes[1, 1].set_xlabel("mean latency (s)")
    axes[0, 1].set_title("● here   ★ paper", fontweight="normal", color=INK, fontsize=7)
    return figure


def describe(table: Table) -> str:
    """Say what each stage adds, and that the paper's load here is not that of its figure 7."""
    parts = []
    for mix in ("uniform", "skewed"):
        for scale in (1.0, 1.5):
            values = [table.number("sar", mix=mix, scale=scale, stage=stage) for stage in STAGES]
            parts.append(f"{mix} {scale}: {' → '.join(f'{value:.2f}' for value in values)}")
    return (
        "Attainment of the greedy schedule alone, with placement preservation, and with elastic scale-up: "
        f"{'; '.join(parts)}. {_harder()}"
    )


def _harder() -> str:
    """Compare what the paper prints here for the whole system with what it prints in figure 7."""
    pairs = [(PAPER["uniform", scale][-1][0], PAPER_TETRISERVE[scale]) for scale in (1.0, 1.5)]
    assert all(here < there for here, there in pairs)
    listed = " and ".join(f"{here:.2f} where figure 7 has {there:.2f}" for here, there in pairs)
    return f"For the whole system the paper prints {listed}: it runs this ablation on a harder variant of the load."


def compare(table: Table) -> list[Comparison]:
    """Compare attainment and mean latency with the printed ones."""
    found = []
    for row in table.records():
        where = f"{row['mix']}, scale {float(str(row['scale']))}, {row['stage']}"
        found.append(Comparison(where, float(str(row["paper_sar"])), float(str(row["sar"]))))
        found.append(
            Comparison(f"{where}, mean latency", float(str(row["paper_latency"])), float(str(row["latency"])), "s")
        )
    return found


FIGURE = Figure("Ablation of the greedy rounds", data, draw, describe, compare)
