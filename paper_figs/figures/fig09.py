"""Figure 9: distribution of latency at deadline scale 1.0; every request counts, also the ones never finished."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from paper_figs.charts import SHARES
from paper_figs.figure import Figure
from paper_figs.figures._sweeps import policies_of_paper
from paper_figs.lab import Lab, Metric, Point
from paper_figs.policies import BY_NAME
from paper_figs.style import panels
from paper_figs.table import Table, Value

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

SECONDS = tuple(round(0.5 * 120 ** (i / 72), 3) for i in range(73))
"""Evenly spaced on a logarithmic axis, from 0.5 to 60."""
TOLD = (2, 10)
"""Seconds that the description gives numbers for."""


def within(seconds: float) -> Metric:
    """Return the metric that is the share of all requests delivered within some seconds."""

    def metric(result: Mapping[str, Any]) -> float:
        rows = result["requests"]
        return float(sum(done is not None and done - arrival <= seconds for _, arrival, _, done, _ in rows) / len(rows))

    return metric


def data(lab: Lab) -> Table:
    """Share of all requests delivered within so many seconds, mean over seeds."""
    metrics = {str(seconds): within(seconds) for seconds in (*SECONDS, *TOLD)}
    rows: list[dict[str, Value]] = []
    for mix in ("uniform", "skewed"):
        point = Point({"mix": mix}, (f"workload={mix}", "workload.slo_scale=1.0"))
        for record in lab.sweep([point], policies_of_paper(), metrics, keep=("requests",)).records():
            rows += [
                {
                    "mix": mix,
                    "policy": record["policy"],
                    "seeds": record["seeds"],
                    "seconds": seconds,
                    "share": record[str(seconds)],
                    "share_half": record[f"{seconds}_half"],
                }
                for seconds in sorted((*SECONDS, *TOLD))
            ]
    return Table.of(rows)


def draw(table: Table) -> Drawing:
    """Draw the distributions with a logarithmic time axis."""
    from matplotlib.ticker import NullFormatter

    figure, axes = panels(2, 1, 3.8, sharex=True)
    for axis, mix in zip(axes[:, 0], ("uniform", "skewed"), strict=True):
        axis.set_ylim(*SHARES)
        axis.set_xscale("log")
        for name in table.names("policy"):
            policy = BY_NAME[name]
            rows = table.where(mix=mix, policy=name)
            xs, ys, halves = rows.numbers("seconds"), rows.numbers("share"), rows.numbers("share_half")
            axis.plot(xs, ys, policy.line, color=policy.colour, label=policy.label, marker=policy.marker, markevery=8)
            low = [y - half for y, half in zip(ys, halves, strict=True)]
            high = [y + half for y, half in zip(ys, halves, strict=True)]
            axis.fill_between(xs, low, high, color=policy.colour, alpha=0.12, linewidth=0)
        axis.set_title(f"{mix} mix, scale 1.0")
        axis.set_ylabel("share of all requests")
        axis.set_xlim(SECONDS[0], SECONDS[-1])
    axes[0, 0].legend(loc="lower right", bbox_to_anchor=(1.02, -0.03), labelspacing=0.25, handlelength=2.4)
    axes[1, 0].set_xticks([0.5, 1, 2, 5, 10, 20, 60], ["0.5", "1", "2", "5", "10", "20", "60"])
    axes[1, 0].xaxis.set_minor_formatter(NullFormatter())
    axes[1, 0].set_xlabel("latency (s)")
    return figure


def describe(table: Table) -> str:
    """Say how much is delivered early, and how much late."""
    parts = []
    for mix in ("uniform", "skewed"):
        shares = []
        for seconds in TOLD:
            rows = table.where(mix=mix, seconds=seconds)
            name = max(rows.names("policy"), key=lambda name: rows.number("share", policy=name))
            shares.append(
                f"within {seconds} s TetriServe delivers {rows.number('share', policy='dp'):.2f} of all requests, and "
                f"{BY_NAME[name].label} most ({rows.number('share', policy=name):.2f})"
            )
        parts.append(f"{mix.capitalize()} mix: {', '.join(shares)}")
    return (
        f"{'; '.join(parts)}. Curves are over all requests: what is not delivered within a minute keeps a curve below "
        "1, where the paper draws completed requests only."
    )


FIGURE = Figure("Latency distribution at scale 1.0, over all requests", data, draw, describe)
