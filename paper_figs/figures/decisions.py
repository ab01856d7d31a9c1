"""Decision latency: time of one decision against the backlog and the size of the cluster, for every solver."""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from paper_figs.figure import Figure
from paper_figs.lab import Lab
from paper_figs.policies import BY_NAME, DP, EDF, EXACT, ROUND, Policy
from paper_figs.style import end_labels, panels
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
EDGES = ((256, 1.5), (512, 2.0), (1024, 3.0), (2048, 7.0))


def data(lab: Lab) -> Table:
    """Time every solver on random rounds: backlog varies on 8 GPUs, then GPUs with two jobs each."""
    cases = [(8, jobs) for jobs in BACKLOGS] + [(gpus, 2 * gpus) for gpus in CLUSTERS]
    policies: tuple[Policy, ...] = (EDF, DP, ROUND, *EXACT)
    pairs = [(policy, gpus, jobs) for policy in policies for gpus, jobs in cases]
    tasks = []
    for policy, gpus, jobs in pairs:
        config = lab.config(*policy.overrides)
        tasks.append(Task("paper_figs.figures.decisions:timed", {"config": config, "gpus": gpus, "jobs": jobs}))
    rows: list[dict[str, Value]] = []
    for (policy, gpus, jobs), result in zip(pairs, lab.do(tasks), strict=True):
        rows.append({"policy": policy.name, "gpus": gpus, "jobs": jobs, **result})
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


def draw(table: Table) -> Drawing:
    """Draw latency over the backlog and over the cluster."""
    figure, axes = panels(2, 1, 3.9)
    left = table.where(gpus=8)
    right = table.filter(lambda row: float(str(row["jobs"])) == 2 * float(str(row["gpus"])))
    for axis, rows, x in ((axes[0, 0], left, "jobs"), (axes[1, 0], right, "gpus")):
        axis.set_xscale("log", base=2)
        axis.set_yscale("log")
        low, high = 0.02, 6000.0
        axis.set_ylim(low, high)
        ends = []
        for name in table.names("policy"):
            policy = BY_NAME[name]
            mine = sorted(
                set(zip(rows.where(policy=name).numbers(x), rows.where(policy=name).numbers("median"), strict=True))
            )
            xs, ys = [p[0] for p in mine], [1e3 * p[1] for p in mine]
            axis.plot(xs, ys, policy.line, color=policy.colour, marker=policy.marker, label=policy.label)
            ends.append((ys[-1], policy.label, policy.colour))
        axis.axhline(10, color="#bbbbbb", linewidth=0.7, linestyle="--")
        end_labels(axis, ends, max(rows.numbers(x)), 0.1)
        axis.set_xticks(sorted(set(rows.numbers(x))), [f"{v:g}" for v in sorted(set(rows.numbers(x)))])
        axis.minorticks_off()
        axis.set_ylabel("ms per decision")
    axes[0, 0].set_xlabel("live requests on 8 GPUs")
    axes[1, 0].set_xlabel("GPUs, with two live requests each")
    return figure


def describe(table: Table) -> str:
    """Give the times at the ends."""
    parts = []
    for name in table.names("policy"):
        rows = table.where(policy=name)
        backlog = rows.where(gpus=8, jobs=BACKLOGS[-1]).numbers("median")[0]
        large = rows.where(gpus=CLUSTERS[-1], jobs=2 * CLUSTERS[-1]).numbers("median")[0]
        parts.append(f"{BY_NAME[name].label} {1e3 * backlog:.2g} and {1e3 * large:.2g}")
    return (
        f"Median milliseconds of a decision for {BACKLOGS[-1]} live requests on 8 GPUs, and for {2 * CLUSTERS[-1]} on "
        f"{CLUSTERS[-1]}: {'; '.join(parts)}. The dashed line is the budget of 10 ms; solvers that have one keep their "
        "best plan when it ends."
    )


FIGURE = Figure("Decision latency against backlog and cluster size", data, draw, describe)
