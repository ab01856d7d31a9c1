"""Figure 10: attainment over time under bursts, at deadline scale 1.5."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from paper_figs.charts import SHARES
from paper_figs.figure import Figure
from paper_figs.figures._sweeps import policies_of_paper
from paper_figs.lab import Lab, Metric, Point
from paper_figs.policies import BY_NAME
from paper_figs.style import end_labels, panels
from paper_figs.table import Table, Value

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

CALM, BURST = (120.0, 6.0), (30.0, 48.0)
"""Seconds and requests per minute, in turn."""
PERIOD = CALM[0] + BURST[0]
BIN = 15.0


def attainment(start: float) -> Metric:
    """Return the metric that is the attainment of the requests that arrive in one bin of the period."""

    def metric(result: Mapping[str, Any]) -> float | None:
        met = [good for _, arrival, _, _, good in result["requests"] if start <= arrival % PERIOD < start + BIN]
        return sum(met) / len(met) if met else None

    return metric


def data(lab: Lab) -> Table:
    """Fold the runs over the period of the bursts: attainment by time of arrival since the last burst ended."""
    starts = [BIN * i for i in range(int(PERIOD / BIN))]
    metrics = {str(start): attainment(start) for start in starts}
    pieces = f"workload.pieces=[[{CALM[0]},{CALM[1]}],[{BURST[0]},{BURST[1]}]]"
    rows: list[dict[str, Value]] = []
    for mix in ("uniform", "skewed"):
        point = Point({"mix": mix}, (f"workload={mix}", "workload.slo_scale=1.5", pieces))
        for record in lab.sweep([point], policies_of_paper(), metrics, keep=("requests",)).records():
            rows += [
                {
                    "mix": mix,
                    "policy": record["policy"],
                    "seeds": record["seeds"],
                    "time": start + BIN / 2,
                    "burst": int(start >= CALM[0]),
                    "sar": record[str(start)],
                    "sar_half": record[f"{start}_half"],
                }
                for start in starts
            ]
    return Table.of(rows)


def draw(table: Table) -> Drawing:
    """Draw attainment over the time in the period, the burst shaded."""
    figure, axes = panels(2, 1, 3.8, sharex=True)
    for axis, mix in zip(axes[:, 0], ("uniform", "skewed"), strict=True):
        axis.set_ylim(*SHARES)
        axis.axvspan(CALM[0], PERIOD, color="#f3e3d3", zorder=0)
        axis.text(CALM[0] + 1, 0.03, "burst", fontsize=6.5, color="#a0602a")
        ends = []
        for name in table.names("policy"):
            policy = BY_NAME[name]
            rows = table.where(mix=mix, policy=name)
            ys = rows.numbers("sar")
            axis.errorbar(
                rows.numbers("time"), ys, rows.numbers("sar_half"), fmt=policy.line, color=policy.colour,
                marker=policy.marker, markersize=2.6, linewidth=1.0, elinewidth=0.4, label=policy.label,
            )  # fmt: skip
            ends.append((ys[-1], policy.label, policy.colour))
        end_labels(axis, ends, PERIOD - BIN / 2, 0.085)
        axis.set_title(f"{mix} mix, scale 1.5")
        axis.set_ylabel("SLO attainment")
        axis.set_xlim(0, PERIOD)
    axes[1, 0].set_xlabel(f"arrival, seconds within the period of {PERIOD:g} s")
    return figure


def describe(table: Table) -> str:
    """Say how attainment falls in a burst."""
    parts = []
    for mix in ("uniform", "skewed"):
        falls = {}
        for name in table.names("policy"):
            rows = table.where(mix=mix, policy=name)
            calm = [v for v, t in zip(rows.numbers("sar"), rows.numbers("time"), strict=True) if 60 < t < CALM[0]]
            busy = rows.where(burst=1).numbers("sar")
            falls[name] = (sum(calm) / len(calm), sum(busy) / len(busy))
        best = max(falls, key=lambda name: falls[name][1])
        parts.append(
            f"{mix}: TetriServe {falls['dp'][0]:.2f} in the last minute of calm and {falls['dp'][1]:.2f} in the burst, "
            f"where {BY_NAME[best].label} holds most ({falls[best][1]:.2f})"
        )
    return (
        f"Requests come at {CALM[1]:g} per minute for {CALM[0]:g} s, then at {BURST[1]:g} per minute for {BURST[0]:g} "
        f"s, again and again; the runs are folded over this period. {'; '.join(parts)}."
    )


FIGURE = Figure("SAR over time under bursts, scale 1.5", data, draw, describe)
