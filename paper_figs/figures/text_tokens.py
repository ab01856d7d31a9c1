"""What the length of the text changes: figure 7 with step times of 256 and of 512 text tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paper_figs.charts import SHARES
from paper_figs.figure import Figure
from paper_figs.figures.fig07 import PAPER_TETRISERVE
from paper_figs.lab import Lab, Point
from paper_figs.policies import BY_NAME, DP, EXACT, PROFILE, RSSP, TUNED
from paper_figs.style import PAPER_MARK, panels
from paper_figs.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

TOKENS = {256: PROFILE, 512: "flux1-dev_h100"}


def data(lab: Lab) -> Table:
    """Serve the uniform mix at the scales that the paper prints, with both profiles."""
    points = [
        Point(
            {"tokens": tokens, "scale": scale}, (f"profile={name}", "workload=uniform", f"workload.slo_scale={scale}")
        )
        for tokens, name in TOKENS.items()
        for scale in PAPER_TETRISERVE
    ]
    return lab.sweep(points, (RSSP, DP, TUNED, *EXACT))


def draw(table: Table) -> Drawing:
    """Draw a panel per text length."""
    figure, axes = panels(1, 2, 2.5, sharey=True)
    for axis, tokens in zip(axes[0], TOKENS, strict=True):
        for name in table.names("policy"):
            policy, rows = BY_NAME[name], table.where(tokens=tokens, policy=name)
            axis.errorbar(
                rows.numbers("scale"), rows.numbers("sar"), rows.numbers("sar_half"), color=policy.colour,
                marker=policy.marker, linestyle=policy.line, elinewidth=0.6, markersize=3.4, label=policy.label,
            )  # fmt: skip
        axis.plot(list(PAPER_TETRISERVE), list(PAPER_TETRISERVE.values()), **PAPER_MARK, label="TetriServe, paper")
        axis.set_title(f"{tokens} text tokens")
        axis.set_ylim(*SHARES)
        axis.set_xlabel("deadline scale")
    axes[0, 0].set_ylabel("SLO attainment")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, columnspacing=1.0, handletextpad=0.4)
    return figure


def describe(table: Table) -> str:
    """Say how far TetriServe is from the paper's numbers with either."""
    parts = []
    for tokens in TOKENS:
        rows = table.where(tokens=tokens, policy="dp")
        away = {scale: rows.number("sar", scale=scale) - value for scale, value in PAPER_TETRISERVE.items()}
        listed = ", ".join(f"{value:+.2f} at {scale}" for scale, value in away.items())
        parts.append(f"with {tokens} text tokens {listed}")
    return f"TetriServe here less the paper's figure 7: {'; '.join(parts)}."


FIGURE = Figure("What 512 text tokens change", data, draw, describe)
