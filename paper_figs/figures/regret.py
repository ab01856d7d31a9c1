"""Regret per round: how often, and by how many requests, the greedy round is worse than the round solved exactly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from experiments.runner import simulate
from paper_figs.figure import Figure
from paper_figs.lab import Lab
from paper_figs.policies import DP
from paper_figs.style import INK, panels
from paper_figs.table import Table, Value
from paper_figs.work import Task, prepared
from planner.backends.cpsat import CpSatBackend
from planner.objectives import Survivors
from planner.plan import Plan
from planner.programs.assignment import Assignment
from planner.round import Round

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

RATES = (12, 18, 24, 36)
SCALES = (1.0, 1.2, 1.5)
BUCKETS = ("2", "3-4", "5-8", "9+")
COLOURS = {1.0: "#9ecae1", 1.2: "#4292c6", 1.5: "#084594"}


def data(lab: Lab) -> Table:
    """Solve every round of greedy runs exactly, uniform and skewed mix together."""
    tasks, about = [], []
    for mix in ("uniform", "skewed"):
        for rate in RATES:
            for scale in SCALES:
                config = lab.config(
                    f"workload={mix}", f"workload.rate={rate}", f"workload.slo_scale={scale}", *DP.overrides
                )
                config["workload"]["requests"] = 60
                seeds = list(lab.seeds)[: 2 if lab.quick else 5]
                tasks += [
                    Task("paper_figs.figures.regret:regrets", {"config": config | {"seed": seed}}) for seed in seeds
                ]
                about += [(mix, rate, scale)] * len(seeds)
    counts: dict[tuple[float, str], list[float]] = {}
    for (_mix, _rate, scale), found in zip(about, lab.do(tasks), strict=True):
        for jobs, lost in found:
            cell = counts.setdefault((scale, _bucket(jobs)), [0, 0, 0.0])
            cell[0] += 1
            cell[1] += lost > 0.5
            cell[2] += lost
    rows: list[dict[str, Value]] = []
    for scale in SCALES:
        for bucket in BUCKETS:
            rounds, worse, lost = counts.get((scale, bucket), [0, 0, 0.0])
            share = worse / rounds if rounds else None
            error = 1.96 * (share * (1 - share) / rounds) ** 0.5 if share is not None else None
            row: dict[str, Value] = {"scale": scale, "jobs": bucket, "rounds": rounds, "worse": worse}
            rows.append(row | {"share": share, "share_half": error, "lost_per_worse": lost / worse if worse else None})
    return Table.of(rows)


def regrets(config: Mapping[str, Any]) -> list[list[float]]:
    """Serve greedily; return, for every round of two or more jobs, the jobs and the survivors that greedy loses."""
    found: list[list[float]] = []
    program, backend, objective = Assignment(), CpSatBackend(), Survivors()

    def look(round_: Round, plan: Plan) -> None:
        if len(round_.jobs) < 2:
            return
        linear = program.model(round_, objective, plan.assignments).linear
        if not linear.size:
            return
        answer = backend.solve(linear, 0.2)
        best = linear.value(answer.x) if answer.x is not None else linear.value(linear.start)
        found.append([len(round_.jobs), round(max(0.0, best - linear.value(linear.start)), 3)])

    simulate(prepared(config), on_round=look)
    return found


def _bucket(jobs: float) -> str:
    return "2" if jobs <= 2 else "3-4" if jobs <= 4 else "5-8" if jobs <= 8 else "9+"


def draw(table: Table) -> Drawing:
    """Draw bars by number of live requests and scale."""
    figure, axes = panels(1, 1, 2.3)
    axis = axes[0, 0]
    for index, scale in enumerate(SCALES):
        rows = table.where(scale=scale)
        places = [i + 0.27 * (index - 1) for i in range(len(BUCKETS))]
        shares = [0.0 if share != share else 100 * share for share in rows.numbers("share")]
        errors = [0.0 if half != half else 100 * half for half in rows.numbers("share_half")]
        axis.bar(
            places,
            shares,
            0.25,
            yerr=errors,
            color=COLOURS[scale],
            label=f"scale {scale:g}",
            error_kw={"linewidth": 0.6},
        )
        if index == 1:
            for place, count in zip(places, table_sum(table, "rounds"), strict=True):
                axis.text(place, -0.13, f"{count} rounds", fontsize=6, ha="center", va="top", color=INK,
                          transform=axis.get_xaxis_transform())  # fmt: skip
    axis.set_xticks(range(len(BUCKETS)), list(BUCKETS))
    axis.set_xlabel("live requests in the round", labelpad=16)
    axis.set_ylabel("rounds where greedy loses, %")
    axis.legend(loc="upper left")
    return figure


def table_sum(table: Table, column: str) -> list[int]:
    """Return the sum of a column over the scales, by number of jobs."""
    return [int(sum(table.where(jobs=bucket).numbers(column))) for bucket in BUCKETS]


def describe(table: Table) -> str:
    """Say how often greedy is worse, and by how much."""
    rounds, worse = sum(table.numbers("rounds")), sum(table.numbers("worse"))
    lost = sum(w * x for w, x in zip(table.numbers("worse"), table.numbers("lost_per_worse"), strict=True) if w)
    per = lost / worse if worse else 0.0
    return (
        f"Over {rounds:.0f} rounds of greedy runs (both mixes, 12 to 36 requests per minute), the exact solution of "
        f"the same round keeps more requests alive in {100 * worse / rounds:.1f} % of them, by {per:.2f} requests in "
        "the mean where it does. Greedy offers a request only the degrees of its cheapest mix, and fills each round "
        "before the next."
    )


FIGURE = Figure("Regret of the greedy round", data, draw, describe)
