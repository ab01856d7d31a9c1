"""Round length and cadence: attainment against the length of a round, with planning at events as the limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paper_figs.figure import Figure
from paper_figs.lab import Lab, Point
from paper_figs.policies import BY_NAME, DP, EDF, EXACT
from paper_figs.style import end_labels, panels
from paper_figs.table import Table, means

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

TAUS = (0.11, 0.2, 0.4, 0.8, 1.6)


def data(lab: Lab) -> Table:
    """Sweep the length of rounds at 18 requests per minute and scale 1.2; ``tau`` 0 stands for events."""
    points = []
    for mix in ("uniform", "skewed"):
        load = (f"workload={mix}", "workload.rate=18", "workload.slo_scale=1.2")
        points += [Point({"mix": mix, "tau": tau}, (*load, "cadence=rounds", f"cadence.tau={tau}")) for tau in TAUS]
        points.append(Point({"mix": mix, "tau": 0}, (*load, "cadence=events")))
    return lab.sweep(points, (DP, EDF, *EXACT))


def draw(table: Table) -> Drawing:
    """Draw a panel per mix; events at the left."""
    figure, axes = panels(2, 1, 3.7, sharex=True)
    places = {0.0: 0.0, **{tau: i + 1.3 for i, tau in enumerate(TAUS)}}
    for axis, mix in zip(axes[:, 0], ("uniform", "skewed"), strict=True):
        axis.set_ylim(0.2, 1.02)
        ends = []
        for name in table.names("policy"):
            policy = BY_NAME[name]
            rows = table.where(mix=mix, policy=name)
            points = sorted(zip(rows.numbers("tau"), rows.numbers("sar"), rows.numbers("sar_half"), strict=True))
            for part in (points[:1], points[1:]):
                xs, ys, halves = [places[tau] for tau, _, _ in part], [p[1] for p in part], [p[2] for p in part]
                axis.errorbar(
                    xs, ys, halves, fmt=policy.line, color=policy.colour, marker=policy.marker, elinewidth=0.6,
                    label=policy.label if len(part) > 1 else None,
                )  # fmt: skip
            ends.append((points[-1][1], policy.label, policy.colour))
        end_labels(axis, ends, places[TAUS[-1]], 0.1)
        axis.set_title(f"{mix} mix, 18 requests/min, scale 1.2")
        axis.set_ylabel("SLO attainment")
    axes[1, 0].set_xticks(list(places.values()), ["events", *(f"{tau:g}" for tau in TAUS)])
    axes[1, 0].set_xlabel("when plans are made: at events, or every so many seconds")
    return figure


def describe(table: Table) -> str:
    """Compare events with the best and the worst round length."""
    parts, losing = [], True
    for name in table.names("policy"):
        found = means(table.where(policy=name), ["tau"], "sar")
        rounds = {key[0]: value for key, value in found.items() if key[0]}
        best = max(rounds, key=lambda tau: rounds[tau])
        losing = losing and rounds[TAUS[-1]] < rounds[best]
        parts.append(
            f"{BY_NAME[name].label}: events {found[0,]:.2f}, best rounds {rounds[best]:.2f} (every {best} s), longest "
            f"{rounds[TAUS[-1]]:.2f}"
        )
    text = f"Mean attainment over both mixes, where decisions cost no time; {'; '.join(parts)}."
    if losing:
        text += (
            " The longest rounds cost every policy deadlines: arrivals wait, and what ends between boundaries idles."
        )
    return text


FIGURE = Figure("Round length and cadence", data, draw, describe)
