"""Regret per round: how often, and by how many requests, greedy decisions are worse than exact ones.

On the instance library (rounds of fifteen workloads, with proven values), and on every round of greedy runs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.drawing.palette import INK, SOFT
from experiments.instances.library import LIBRARY, load_library, read_known
from experiments.runner import simulate
from paper_figs.figure import Figure
from paper_figs.lab import Lab
from paper_figs.policies import DP, EDF
from paper_figs.style import darker, panels
from paper_figs.table import Table, Value
from paper_figs.work import Task, prepared
from planner.backends.cpsat import CpSatBackend
from planner.objectives import OnTime, Survivors
from planner.plan import Plan
from planner.programs.assignment import AssignmentProgram
from planner.programs.linear import Program
from planner.programs.lookahead import Lookahead
from planner.round import Round
from planner.solvers.dp import GreedyDp
from planner.solvers.priority import Edf
from planner.solvers.protocol import Solver

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

RATES = (12, 18, 24, 36)
SCALES = (1.0, 1.2, 1.5)
BUCKETS = ("2", "3-4", "5-8", "9+")
CASES = {
    ("assignment", "dp"): (f"{DP.label}: this round", DP.colour),
    ("assignment", "edf"): (f"{EDF.label}: this round", EDF.colour),
    ("lookahead", "list"): ("list schedule: the backlog", SOFT),
}
"""Program that judges and rule that answers, on the instance library."""
RULES: dict[str, Solver] = {"dp": GreedyDp(), "edf": Edf()}
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
            row |= {"share": share, "share_half": error, "lost_per_worse": lost / worse if worse else None}
            rows.append({"source": "runs", "program": "assignment", "rule": "dp", **row})
    return Table.of([*rows, *lab.do([Task("paper_figs.figures.regret:library", {"digest": _digest(LIBRARY)})])[0]])


def _digest(directory: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(directory.iterdir()):
        total.update(path.name.encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def library(digest: str) -> list[dict[str, Value]]:
    """Let greedy rules answer the instance library, and a list schedule plan its backlogs; count what each loses.

    The digest is of the library's files: the result is theirs.
    """
    known = {(k.instance, k.program): k for k in read_known() if k.objective == "on_time"}
    programs: dict[str, Program] = {"assignment": AssignmentProgram(), "lookahead": Lookahead()}
    lost: dict[tuple[str, str, str], list[float]] = {}
    for instance in load_library():
        round_ = instance.round_
        for program, rule in CASES:
            plan = RULES[rule].solve(round_, 1.0).assignments if rule in RULES else ()
            linear = programs[program].model(round_, OnTime(), plan).linear
            regret = known[instance.name, program].bound - linear.value(linear.start)
            lost.setdefault((program, rule, _bucket(len(round_.jobs))), []).append(regret if regret > 0.5 else 0.0)
    return [
        {
            "source": "library", "program": program, "rule": rule, "jobs": bucket, "rounds": len(found),
            "worse": sum(regret > 0 for regret in found), "share": sum(regret > 0 for regret in found) / len(found),
            "lost_per_worse": sum(found) / max(1, sum(regret > 0 for regret in found)) or None,
        }
        for (program, rule, bucket), found in lost.items()
    ]  # fmt: skip


def regrets(config: Mapping[str, Any]) -> list[list[float]]:
    """Serve greedily; return, for every round of two or more jobs, the jobs and the survivors that greedy loses."""
    found: list[list[float]] = []
    program, backend, objective = AssignmentProgram(), CpSatBackend(), Survivors()

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
    """Draw bars by number of live requests: the library above, runs below."""
    figure, axes = panels(2, 1, 4.2)
    library = table.where(source="library")
    for index, ((program, rule), (label, colour)) in enumerate(CASES.items()):
        _bars(axes[0, 0], library.where(program=program, rule=rule), index, colour, label)
    runs = table.where(source="runs")
    for index, scale in enumerate(SCALES):
        _bars(axes[1, 0], runs.where(scale=scale), index, COLOURS[scale], f"{DP.label}, scale {scale:.1f}")
    for axis, rows, title in (
        (axes[0, 0], library.where(program="assignment", rule="dp"), "instance library"),
        (axes[1, 0], runs, "every round of greedy runs"),
    ):
        axis.set_title(title)
        axis.set_ylabel("rounds that lose, %")
        axis.set_ylim(0, max(1.0, 1.35 * axis.get_ylim()[1]))
        axis.legend(
            loc="upper left", labelspacing=0.25, handlelength=1.2, frameon=True, framealpha=1.0, edgecolor="none"
        )
        for place, bucket in enumerate(BUCKETS):
            count = sum(rows.where(jobs=bucket).numbers("rounds"))
            axis.text(place, -0.035, f"of {count:.0f}", fontsize=6, ha="center", va="top", color=INK,
                      transform=axis.get_xaxis_transform())  # fmt: skip
        axis.tick_params(axis="x", pad=9)
        axis.set_xticks(range(len(BUCKETS)), list(BUCKETS))
    axes[1, 0].set_xlabel("live requests in the round")
    return figure


def _bars(axis: Axes, rows: Table, index: int, colour: str, label: str) -> None:
    """Draw one of three bars beside each other at every number of requests."""
    places = [BUCKETS.index(text) + 0.27 * (index - 1) for text in rows.texts("jobs")]
    shares = [0.0 if share != share else 100 * share for share in rows.numbers("share")]
    errors = [0.0 if half != half else 100 * half for half in rows.numbers("share_half")]
    low = [min(share, error) for share, error in zip(shares, errors, strict=True)]
    axis.bar(places, shares, 0.25, yerr=[low, errors], color=colour, label=label, error_kw={"linewidth": 0.6})
    for place, share in zip(places, shares, strict=True):
        if not share:
            axis.annotate(
                "0", (place, 0.0), (0, 1), textcoords="offset points", fontsize=6, color=darker(colour), ha="center"
            )


def describe(table: Table) -> str:
    """Say how often greedy is worse, and by how much."""
    parts = []
    for (program, rule), (label, _) in CASES.items():
        rows = table.where(source="library", program=program, rule=rule)
        parts.append(f"{label} {sum(rows.numbers('worse')):.0f} of {sum(rows.numbers('rounds')):.0f}{_by(rows)}")
    runs = table.where(source="runs")
    rounds, worse = sum(runs.numbers("rounds")), sum(runs.numbers("worse"))
    return (
        f"Rounds of the instance library in which a greedy answer keeps fewer requests alive than is proven possible: "
        f"{'; '.join(parts)}. Over {rounds:.0f} rounds of greedy runs (both mixes, {RATES[0]} to {RATES[-1]} requests per "
        f"minute), the exact solution of the same round is better in {100 * worse / rounds:.1f} %{_by(runs)}."
    )


def _by(rows: Table) -> str:
    """Say by how many requests, in the mean where any is lost."""
    worse = sum(rows.numbers("worse"))
    lost = sum(w * x for w, x in zip(rows.numbers("worse"), rows.numbers("lost_per_worse"), strict=True) if w)
    return f" (by {lost / worse:.2f} requests)" if worse else ""


FIGURE = Figure("Regret of greedy decisions", data, draw, describe)
