"""Other models and hardware: every shipped profile at the same relative load and tightness."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paper_figs.charts import SHARES
from paper_figs.figure import Figure
from paper_figs.lab import Lab, Point, sar
from paper_figs.policies import BOUND, BY_NAME, DP, EXACT, RSSP, SP1, SP2, SP4, SP8
from paper_figs.style import KNOWN, panels
from paper_figs.table import Table, Value
from profiles import Profile, list_profiles, load_profile

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

LOAD = 0.28
"""Work on one GPU that arrives per second, over the GPUs: that of 12 uniform requests per minute on 8 x H100."""
SCALE = 1.2


def data(lab: Lab) -> Table:
    """Serve all shapes of a profile, equally often, at the same load; deadlines as tight as the paper's on H100."""
    table: Table | None = None
    for name in list_profiles():
        profile = load_profile(name)
        gpus = 4 if name.endswith("a40") else 8
        cluster = ("cluster=pairs",) if gpus == 4 else ()
        rate = requests_per_minute(profile, gpus)
        point = Point(
            {"profile": name, "gpus": gpus, "rate": rate, "known": known_share(profile)},
            ("workload=profile", f"profile={name}", *cluster, f"workload.rate={rate}", f"workload.slo_scale={SCALE}",
             f"workload.requests={min(lab.requests, 200)}"),
        )  # fmt: skip
        fixed = (SP1, SP2, SP4, SP8)[: gpus.bit_length()]
        found = lab.sweep([point], (*fixed, RSSP, DP, *EXACT, BOUND), {"sar": sar})
        table = found if table is None else table + found
    assert table is not None
    return _with_best_fixed(table)


def known_share(profile: Profile) -> float:
    """Return the share of step times, of single requests, that were measured or published rather than modelled."""
    entries = [entry.provenance for entry in profile.entries if entry.batch == 1]
    return sum(provenance in KNOWN for provenance in entries) / len(entries)


def requests_per_minute(profile: Profile, gpus: int) -> float:
    """Return the rate at which the load of a profile's shapes is :data:`LOAD`."""
    work = [profile.steps * profile.step_time(shape, 1, "local") for shape in profile.shapes]
    return float(f"{60 * LOAD * gpus / (sum(work) / len(work)):.3g}")


def _with_best_fixed(table: Table) -> Table:
    """Mark, per profile, the fixed degree that did best."""
    rows: list[dict[str, Value]] = []
    for name in table.names("profile"):
        mine = table.where(profile=name)
        fixed = {p: mine.number("sar", policy=p) for p in mine.names("policy") if p.startswith("fixed")}
        best = max(fixed, key=lambda policy: fixed[policy])
        rows += [{**row, "best_fixed": int(row["policy"] == best)} for row in mine.records()]
    return Table.of(rows)


def draw(table: Table) -> Drawing:
    """Draw a row per profile."""
    figure, axes = panels(1, 1, 1.0 + 0.27 * len(table.names("profile")))
    axis = axes[0, 0]
    names = table.names("profile")
    for row, name in enumerate(names):
        mine = table.where(profile=name)
        axis.axhline(row, color="#eeeeee", linewidth=0.8, zorder=0)
        shown = mine.filter(lambda r: not str(r["policy"]).startswith("fixed") or bool(r["best_fixed"]))
        for record in shown.records():
            policy = BY_NAME[str(record["policy"])]
            fixed = policy.name.startswith("fixed")
            style = {"fmt": "|", "markersize": 9.0} if policy is BOUND else {"fmt": "^" if fixed else policy.marker}
            label = None if row else "best fixed" if fixed else policy.label
            axis.errorbar(
                float(str(record["sar"])), row, xerr=float(str(record["sar_half"])), elinewidth=0.6, label=label,
                color="#787878" if fixed else policy.colour, **style,
            )  # fmt: skip
    labels = [name.replace("_", ", ") for name in names]
    known = [table.where(profile=name).numbers("known")[0] for name in names]
    labels = [f"{label}\n{100 * share:.0f} % of steps timed" for label, share in zip(labels, known, strict=True)]
    axis.set_yticks(range(len(names)), labels, fontsize=6.3)
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.set_xlim(*SHARES)
    axis.grid(axis="x")
    axis.grid(axis="y", visible=False)
    axis.set_xlabel(f"attainment, scale {SCALE}, same load")
    figure.legend(loc="outside upper center", ncols=3, columnspacing=1.0, handletextpad=0.2)
    return figure


def describe(table: Table) -> str:
    """Count where who wins."""
    names = table.names("profile")
    gains = [
        table.number("sar", profile=name, policy="dp") - table.number("sar", profile=name, best_fixed=1)
        for name in names
    ]
    text = (
        f"On {len(names)} profiles of models and hardware, at the same relative load, TetriServe beats the best fixed "
        f"degree on {sum(gain > 0 for gain in gains)}; its mean difference is {sum(gains) / len(gains):+.2f}."
    )
    least = min(names, key=lambda name: table.number("sar", profile=name, policy="dp"))
    text += f" It does worst on {least} ({table.number('sar', profile=least, policy='dp'):.2f})."
    if "lookahead" in table.names("policy"):
        ours = [
            table.number("sar", profile=n, policy="lookahead") / table.number("sar", profile=n, policy="bound")
            for n in names
        ]
        theirs = [
            table.number("sar", profile=n, policy="dp") / table.number("sar", profile=n, policy="bound") for n in names
        ]
        text += (
            f" Of the clairvoyant bound of these runs, TetriServe reaches {100 * sum(theirs) / len(theirs):.0f} % and "
            f"lookahead {100 * sum(ours) / len(ours):.0f} % on average; the worst profile gives lookahead "
            f"{100 * min(ours):.0f} %."
        )
    return text


FIGURE = Figure("Other models and hardware", data, draw, describe)
