"""Table 6: time to find an exact plan by exhaustive search, against the greedy heuristic and the exact programs.

Beside the plan of one round, the optimal schedule of all steps is found, with proof (:mod:`planner.optimum`).

The search: each of ten chunks of five steps runs at one of the degrees, so a request has as many plans as there are
ways to divide ten chunks among the degrees; every combination of plans, and every order in which requests take GPUs, is
tried as a list schedule. The paper does not describe its search; this one grows with requests and GPUs as the printed
times do.
"""

from __future__ import annotations

from itertools import combinations, permutations, product
from time import perf_counter
from typing import TYPE_CHECKING

from experiments.drawing.palette import SOFT
from paper_figs.figure import Comparison, Figure
from paper_figs.lab import Lab
from paper_figs.policies import DP, LOOKAHEAD, ROUND
from paper_figs.style import PAPER_MARK, panels
from paper_figs.table import Table, Value
from paper_figs.work import Task
from planner.cluster import Cluster
from planner.job import Job
from planner.objectives import Survivors
from planner.optimum import optimum
from planner.programs.assignment import AssignmentProgram
from planner.request import Request
from planner.round import Cadence, Round
from planner.solvers.dp import GreedyDp
from planner.solvers.exact import CpSat
from profiles import Shape, load_profile

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

PAPER = {4: (0.01, 0.27, 52.6, 60.0), 8: (0.02, 11.1, 60.0, 60.0)}
"""Seconds for 1 to 4 requests; 60 stands for "over 60", 0.01 for "under 0.01"."""
TIMED = "paper_figs.figures.table6:timed"
CHUNKS, CHUNK = 10, 5
REQUESTS = ((1024, 3.3), (512, 2.2), (256, 1.65), (2048, 6.5))
"""Edge in pixels and deadline in seconds; all arrive at 0."""
COUNTS = (1, 2, 3, 4, 8, 16)
LOOK = {
    "exhaustive": ("exhaustive search", SOFT, "o"),
    "dp": ("greedy heuristic", DP.colour, DP.marker),
    "cpsat": ("round program, exact", ROUND.colour, ROUND.marker),
    "optimum": ("whole schedule, proven", LOOKAHEAD.colour, LOOKAHEAD.marker),
}


def data(lab: Lab) -> Table:
    """Time each solver on 1 to 4 requests on 4 and 8 GPUs."""
    limit = 3.0 if lab.quick else 60.0
    cases = [
        (solver, gpus, count)
        for gpus in PAPER
        for count in COUNTS
        for solver in LOOK
        if count <= 4 or solver == "optimum"
    ]
    tasks = [
        Task(
            "paper_figs.figures.table6:timed",
            {"solver": s, "gpus": g, "count": c, "limit": limit, "profile": "flux1-dev_h100"},
        )
        for s, g, c in cases
    ]
    rows: list[dict[str, Value]] = []
    for (solver, gpus, count), result in zip(cases, lab.do(tasks), strict=True):
        printed = PAPER[gpus][count - 1] if solver == "exhaustive" else 0.01 if solver == "dp" else None
        rows.append({"solver": solver, "gpus": gpus, "requests": count, **result, "paper": printed})
    return Table.of(rows)


def timed(solver: str, gpus: int, count: int, limit: float, profile: str) -> dict[str, Value]:
    """Return the seconds until a plan is found, and whether the search ended before the limit."""
    round_ = instance(gpus, count, profile)
    if solver == "exhaustive":
        began = perf_counter()
        tried, met, done = exhaustive(round_, limit)
        return {"seconds": perf_counter() - began, "done": int(done), "tried": tried, "on_time": met}
    if solver == "optimum":
        requests = [job.request for job in round_.jobs]
        times, found = [], optimum(requests, round_.cluster, round_.profile)
        for _ in range(5):
            found = optimum(requests, round_.cluster, round_.profile)
            times.append(found.seconds)
        proof: dict[str, Value] = {"on_time": int(found.value), "bound": found.upper}
        return {"seconds": sorted(times)[2], "done": int(found.proven), **proof}
    planner = GreedyDp() if solver == "dp" else CpSat(program=AssignmentProgram(), objective=Survivors())
    planner.solve(round_, 1.0)
    seconds = []
    for _ in range(20):
        began = perf_counter()
        planner.solve(round_, 1.0)
        seconds.append(perf_counter() - began)
    return {"seconds": sorted(seconds)[len(seconds) // 2], "done": 1}


def instance(gpus: int, count: int, profile: str) -> Round:
    """Make the round with so many requests, of all resolutions in turn."""
    kinds = [REQUESTS[index % len(REQUESTS)] for index in range(count)]
    jobs = tuple(
        Job(Request(i, Shape(edge, edge), CHUNKS * CHUNK, 0.0, due), CHUNKS * CHUNK, due, 0.0)
        for i, (edge, due) in enumerate(kinds)
    )
    return Round(0.0, jobs, Cluster.nvlink(gpus), load_profile(profile), (0.0,) * gpus, Cadence("rounds", 0.4))


def exhaustive(round_: Round, limit: float) -> tuple[int, int, bool]:
    """Try every plan; return how many were tried, how many requests the best serves, and whether time sufficed."""
    began = perf_counter()
    plans = []
    for job in round_.jobs:
        costs = round_.costs.of(job.request.shape)
        steps = [(degree, CHUNK * costs.step_time[degree]) for degree in costs.step_time]
        plans.append(
            [[(d, n * s) for (d, s), n in zip(steps, counts, strict=True) if n] for counts in divisions(len(steps))]
        )
    best = tried = 0
    orders = list(permutations(range(len(plans))))
    gpus = round_.cluster.gpus
    for chosen in product(*plans):
        for order in orders:
            tried += 1
            free = [0.0] * gpus
            met = 0
            for index in order:
                at = 0.0
                for degree, seconds in chosen[index]:
                    start = free[degree - 1]
                    at = (start if start > at else at) + seconds
                    free[:degree] = [at] * degree
                    free.sort()
                met += at <= round_.jobs[index].due
            best = max(best, met)
        if perf_counter() - began > limit:
            return tried, best, False
    return tried, best, True


def divisions(parts: int) -> list[tuple[int, ...]]:
    """Return every way to divide the chunks of a request among so many degrees."""
    found = []
    for bars in combinations(range(CHUNKS + parts - 1), parts - 1):
        ends = (-1, *bars, CHUNKS + parts - 1)
        found.append(tuple(ends[i + 1] - ends[i] - 1 for i in range(parts)))
    return found


def draw(table: Table) -> Drawing:
    """Draw times on a logarithmic scale."""
    figure, axes = panels(1, 2, 2.7, sharey=True)
    for axis, gpus in zip(axes[0], PAPER, strict=True):
        axis.set_yscale("log")
        axis.set_ylim(1e-5, 2000)
        for solver, (label, colour, marker) in LOOK.items():
            rows = table.where(solver=solver, gpus=gpus)
            xs, ys = rows.numbers("requests"), rows.numbers("seconds")
            axis.plot(xs, ys, color=colour, marker=marker, label=label)
            for x, y, done in zip(xs, ys, rows.numbers("done"), strict=True):
                if not done:
                    axis.annotate("", (x, 9.0 * y), (x, 1.9 * y), arrowprops={"arrowstyle": "->", "color": colour})
        axis.plot(range(1, 5), PAPER[gpus], **PAPER_MARK, label="the paper's search (↑ not done)")
        axis.set_title(f"{gpus} GPUs")
        axis.set_xscale("log", base=2)
        axis.set_xticks(COUNTS, [str(count) for count in COUNTS])
        axis.minorticks_off()
        axis.set_xlabel("requests")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2, columnspacing=1.0, handlelength=1.6)
    axes[0, 0].set_ylabel("seconds to a plan")
    return figure


def describe(table: Table) -> str:
    """Give the times."""
    parts = []
    for gpus in PAPER:
        rows = table.where(solver="exhaustive", gpus=gpus)
        times = [
            f"{'' if done else '>'}{s:.2g}"
            for s, done in zip(rows.numbers("seconds"), rows.numbers("done"), strict=True)
        ]
        parts.append(f"{gpus} GPUs: {', '.join(times)} s")
    greedy = max(table.where(solver="dp").numbers("seconds"))
    exact = max(table.where(solver="cpsat").numbers("seconds"))
    whole = table.where(solver="optimum")
    proven = sum(whole.numbers("done"))
    listed = []
    for gpus in PAPER:
        rows = whole.where(gpus=gpus)
        served = [f"{n:.0f} of {m:.0f}" for n, m in zip(rows.numbers("on_time"), rows.numbers("requests"), strict=True)]
        listed.append(f"{', '.join(served)} in time on {gpus} GPUs")
    return (
        f"Exhaustive search for one to four requests takes, on {'; on '.join(parts)}. The greedy heuristic needs at "
        f"most {1e3 * greedy:.2f} ms, CP-SAT, asked for the exact optimum of the same round, at most {1e3 * exact:.1f} "
        f"ms. An optimal schedule of all steps of one to {COUNTS[-1]} requests is found in at most "
        f"{max(whole.numbers('seconds')):.2g} s, {proven:.0f} of {len(whole)} with proof, since it serves as many as the "
        f"clairvoyant bound allows where steps take what the profile says: {'; '.join(listed)}."
    )


def compare(table: Table) -> list[Comparison]:
    """Compare the times of the search and of the heuristic."""
    found = []
    for row in table.where(solver="exhaustive").records():
        what = f"exhaustive search, {row['gpus']} GPUs, {row['requests']} requests (60: more)"
        found.append(Comparison(what, float(str(row["paper"])), float(str(row["seconds"])), "s"))
    greedy = max(table.where(solver="dp").numbers("seconds"))
    return [*found, Comparison("heuristic, at most", 0.01, greedy, "s")]


FIGURE = Figure("Time to an exact plan", data, draw, describe, compare)
