"""Table 3: RSSP and TetriServe, without and with a Nirvana-style cache that lets requests skip their first steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.drawing.palette import INK
from paper_figs.charts import paper_versus_here
from paper_figs.figure import Comparison, Figure
from paper_figs.lab import Lab, Point
from paper_figs.policies import DP, RSSP
from paper_figs.style import panels
from paper_figs.table import Table, Value

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

PAPER = {
    "uniform": {("rssp", 0): 0.32, ("dp", 0): 0.42, ("rssp", 1): 0.77, ("dp", 1): 0.88},
    "skewed": {("rssp", 0): 0.04, ("dp", 0): 0.19, ("rssp", 1): 0.53, ("dp", 1): 0.75},
}
NAMES = {"rssp": "RSSP", "dp": "TetriServe"}


def data(lab: Lab) -> Table:
    """Run the four systems on both mixes, 12 requests per minute, scale 1.0."""
    rows: list[dict[str, Value]] = []
    for mix, printed in PAPER.items():
        for (name, nirvana), paper in printed.items():
            policy = RSSP if name == "rssp" else DP
            more: dict[str, dict[str, float]] = {"nirvana": {}} if nirvana else {}
            point = Point({"mix": mix, "nirvana": nirvana}, (f"workload={mix}", "workload.slo_scale=1.0"), more)
            rows.append({**lab.sweep([point], [policy]).records()[0], "paper": paper})
    return Table.of(rows)


def draw(table: Table) -> Drawing:
    """Draw a panel per mix."""
    figure, axes = panels(1, 2, 1.8, sharey=True)
    for axis, mix in zip(axes[0], PAPER, strict=True):
        shown = Table.of(
            {
                "policy": row["policy"],
                "what": NAMES[str(row["policy"])] + (" + Nirvana" if row["nirvana"] else ""),
                "here": row["sar"],
                "here_half": row["sar_half"],
                "paper": row["paper"],
            }
            for row in table.where(mix=mix).records()
        )
        paper_versus_here(axis, shown, title=f"{mix} mix")
        axis.set_xlim(0, 1.02)
    figure.supxlabel("SLO attainment    ● here   ★ paper", fontsize=7, color=INK)
    return figure


def describe(table: Table) -> str:
    """Say what the cache adds."""
    parts = []
    for mix in PAPER:
        values = {(name, on): table.number("sar", mix=mix, policy=name, nirvana=on) for name in NAMES for on in (0, 1)}
        parts.append(
            f"{mix}: RSSP {values['rssp', 0]:.2f} → {values['rssp', 1]:.2f}, TetriServe {values['dp', 0]:.2f} → "
            f"{values['dp', 1]:.2f}"
        )
    return (
        f"Without and with skipped steps, attainment is {'; '.join(parts)}. The prompts of the paper are not "
        "published; the similarity model is in `experiments/workload/nirvana.py`."
    )


def compare(table: Table) -> list[Comparison]:
    """Compare every cell."""
    return [
        Comparison(
            f"{row['mix']}, {NAMES[str(row['policy'])]}{' + Nirvana' if row['nirvana'] else ''}",
            float(str(row["paper"])),
            float(str(row["sar"])),
        )
        for row in table.records()
    ]


FIGURE = Figure("RSSP and TetriServe with an approximate cache", data, draw, describe, compare)
