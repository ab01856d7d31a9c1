"""Decisions: their time, and the share proven optimal, against the backlog and the size of the cluster, for every solver."""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.drawing.palette import SOFT, SOLVERS, fan
from paper_figs.figure import Figure
from paper_figs.lab import Lab
from paper_figs.policies import DP, EDF
from paper_figs.style import panels
from paper_figs.table import Table, Value
from paper_figs.work import Task, prepared
from planner.cluster import Cluster
from planner.job import Job
from planner.request import Request
from planner.round import Cadence, Round
from profiles import Shape, load_profile

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

BACKLOGS = (2, 4, 8, 16, 32, 64)
CLUSTERS = (8, 16, 32, 64, 128)
REPEATS = 7
BUDGET = 10.0
"""Milliseconds, for every solver."""
EDGES = ((256, 1.5), (512, 2.0), (1024, 3.0), (2048, 7.0))
BACKENDS = {
    "cpsat": ("CP-SAT", ("solver=cpsat",), *SOLVERS["cpsat"]),
    "highs": ("HiGHS", ("solver=highs",), *SOLVERS["highs"]),
    "scip": ("SCIP", ("solver=scip",), *SOLVERS["scip"]),
    "cbc": ("CBC", ("solver=pulp", "solver.solver=cbc"), *SOLVERS["cbc"]),
}
RULES = {"dp": DP, "edf": EDF}
"""Greedy, without a program."""
PROGRAMS = {"assignment": "objective=survivors", "lookahead": "objective=on_time"}


def data(lab: Lab) -> Table:
    """Time every solver on random rounds: backlog varies on 8 GPUs, then GPUs with two jobs each."""
    cases = list(dict.fromkeys([(8, jobs) for jobs in BACKLOGS] + [(gpus, 2 * gpus) for gpus in CLUSTERS]))
    who: list[tuple[str, str, tuple[str, ...]]] = [("", name, policy.overrides) for name, policy in RULES.items()]
    for program, objective in PROGRAMS.items():
        for name, (_, overrides, _, _) in BACKENDS.items():
            budget = f"solver.budget_ms={BUDGET}"
            who.append((program, name, (*overrides, f"program={program}", objective, "cadence=events", budget)))
    asked = [(program, name, overrides, *case) for program, name, overrides in who for case in cases]
    tasks = [
        Task("paper_figs.figures.decisions:timed", {"config": lab.config(*overrides), "gpus": gpus, "jobs": jobs})
        for _, _, overrides, gpus, jobs in asked
    ]
    rows: list[dict[str, Value]] = []
    for (program, name, _, gpus, jobs), result in zip(asked, lab.do(tasks), strict=True):
        rows.append({"program": program or None, "solver": name, "gpus": gpus, "jobs": jobs, **result})
    return Table.of(rows)


def timed(config: Mapping[str, Any], gpus: int, jobs: int) -> dict[str, Value]:
    """Return median and largest seconds of a decision over random rounds, and the share proven optimal."""
    setup = prepared({**config, "workload": {**config["workload"], "requests": 1}})
    solver, budget = setup.service.solver, setup.service.budget
    seconds, proven = [], 0
    for seed in range(REPEATS):
        round_ = instance(gpus, jobs, seed)
        if not seed:
            solver.solve(round_, budget)
        began = perf_counter()
        plan = solver.solve(round_, budget)
        seconds.append(perf_counter() - began)
        proven += plan.certificate.status == "optimal"
    seconds.sort()
    return {"median": seconds[REPEATS // 2], "largest": seconds[-1], "proven": proven / REPEATS}


def instance(gpus: int, jobs: int, seed: int) -> Round:
    """Make a random round: mixed resolutions, some steps done, all deadlines still possible."""
    rng = np.random.default_rng(seed)
    profile = load_profile("flux1-dev_h100")
    made = []
    for index in range(jobs):
        edge, slo = EDGES[int(rng.integers(len(EDGES)))]
        left = int(rng.integers(10, 51))
        due = slo * left / 50 * float(rng.uniform(1.0, 2.5))
        made.append(Job(Request(index, Shape(edge, edge), 50, 0.0, due + 0.1), left, due, 0.0))
    return Round(0.0, tuple(made), Cluster.nvlink(gpus), profile, (0.0,) * gpus, Cadence("events", 0.4))


def series(table: Table, program: str | None, solver: str, column: str) -> tuple[Table, list[float]]:
    """Return the rows of a solver along one axis, ``jobs`` on 8 GPUs or ``gpus`` with two jobs each, in its order."""
    own = table.where(program=program, solver=solver)
    along = (
        own.where(gpus=8)
        if column == "jobs"
        else own.filter(lambda r: float(str(r["jobs"])) == 2 * float(str(r["gpus"])))
    )
    rows = sorted(along.records(), key=lambda row: float(str(row[column])))
    return Table.of(rows), [float(str(row[column])) for row in rows]


def draw(table: Table) -> Drawing:
    """Draw, for each program, the time and below it the share proven; at the left over the backlog, then over GPUs."""
    figure, axes = panels(4, 2, 6.6, sharex="col", sharey="row", height_ratios=[1.5, 1, 1.5, 1])
    titles = {"assignment": "round program", "lookahead": "lookahead program"}
    for top, program in zip((0, 2), PROGRAMS, strict=True):
        for place, column in enumerate(("jobs", "gpus")):
            times, shares = axes[top, place], axes[top + 1, place]
            for at, (name, (label, _, colour, marker)) in enumerate(BACKENDS.items()):
                rows, xs = series(table, program, name, column)
                _draw_times(times, rows, xs, colour, marker, label)
                proven = [share + fan(at, len(BACKENDS), 0.12) for share in rows.numbers("proven")]
                shares.plot(xs, proven, color=colour, marker=marker, gid=f"{program}/{name}/{column}")
            for name, policy in RULES.items():
                rows, xs = series(table, None, name, column)
                _draw_times(times, rows, xs, policy.colour, policy.marker, f"{policy.label} (greedy)")
            times.axhline(BUDGET, color=SOFT, linewidth=0.8, linestyle="--")
            times.set_xscale("log", base=2)
            times.set_yscale("log")
            shares.set_ylim(-0.12, 1.12)
            shares.set_yticks([0.0, 0.5, 1.0])
            ticks = BACKLOGS if column == "jobs" else CLUSTERS
            shares.set_xticks(ticks, [str(tick) for tick in ticks])
            shares.minorticks_off()
        axes[top, 0].set_title(titles[program])
        axes[top, 0].set_ylabel("ms per decision")
        axes[top + 1, 0].set_ylabel("proven optimal")
    axes[3, 0].set_xlabel("live requests on 8 GPUs")
    axes[3, 1].set_xlabel("GPUs, two requests each")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, columnspacing=1.0)
    return figure


def _draw_times(axis: Any, rows: Table, xs: list[float], colour: str, marker: str, label: str) -> None:
    """Draw medians as a line, and up to the longest as a band."""
    medians, longest = ([1e3 * value for value in rows.numbers(name)] for name in ("median", "largest"))
    axis.plot(xs, medians, color=colour, marker=marker, label=label)
    axis.fill_between(xs, medians, longest, color=colour, alpha=0.1, linewidth=0)


def describe(table: Table) -> str:
    """Give the times and the proven shares at the ends."""
    parts = []
    for program, words in (("assignment", "Round program"), ("lookahead", "Lookahead program")):
        listed = []
        for name, (label, _, _, _) in BACKENDS.items():
            ends = [table.where(program=program, solver=name, gpus=g, jobs=j) for g, j in ENDS]
            numbers = [
                f"{milliseconds(end.numbers('median')[0])}, {100 * end.numbers('proven')[0]:.0f} %" for end in ends
            ]
            listed.append(f"{label} {' and '.join(numbers)}")
        parts.append(f"{words}: {'; '.join(listed)}")
    greedy = [max(table.where(solver=name).numbers("median")) for name in RULES]
    (small, many), (large, most) = ENDS
    return (
        f"Median time of a decision, and share proven optimal within a budget of {BUDGET:g} ms (dashed), for {many} live "
        f"requests on {small} GPUs and for {most} on {large}. {parts[0]}. {parts[1]}. Greedy rules "
        f"need {milliseconds(max(greedy))} at most. A solver keeps its best plan when its budget ends; bands reach to the "
        f"longest of {REPEATS} decisions."
    )


def milliseconds(seconds: float) -> str:
    """Format a time with two digits."""
    value = 1e3 * seconds
    return f"{value:.0f} ms" if value >= 9.95 else f"{value:.2g} ms"


ENDS = ((8, BACKLOGS[-1]), (CLUSTERS[-1], 2 * CLUSTERS[-1]))
"""GPUs and live requests of the cases that the description gives numbers for."""

FIGURE = Figure("Time and optimality of decisions against backlog and cluster size", data, draw, describe)
