"""The pictures of a comparison on rounds: regret by live requests, and two plans for one round, one above the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from experiments.compare.answers import Judged
from experiments.compare.classes import LIVE_ORDER, live_class
from experiments.compare.regret import Judgements
from experiments.drawing.palette import GRID, INK, MET, MISSED, SOFT, colour_of, mark_of
from planner.follow_up import Carried, follow_up, to_the_end
from planner.plan import Assignment
from planner.round import EPSILON, Round
from planner.solvers.protocol import Solver

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_JOBS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#999999", "#7a5195", "#bcbd22", "#8c613c")
_LATER = 1e6
"""Seconds after which any plan is over."""
_FEWEST = 5
"""Rounds of a class from which on its mean is drawn."""


def draw_regret(outcome: Judgements, path: Path) -> None:
    """Draw mean regret with its 95 % interval by number of live requests: a panel per program, and one to the end."""
    from matplotlib.figure import Figure

    panels: list[tuple[str, str, Callable[[Judged], float | None]]] = [
        (program, f"one decision, {program} program", lambda j: j.answered.regret) for program in outcome.programs
    ]
    panels += [
        (program, f"alone to the end, {program} program", lambda j: j.answered.alone)
        for program in outcome.programs
        if any(j.answered.alone is not None for j in outcome.judged if j.answered.program == program)
    ]
    figure = Figure(figsize=(1.2 + 4.0 * len(panels), 4.0), dpi=150, layout="constrained")
    all_axes = figure.subplots(1, len(panels), squeeze=False)[0]
    solvers = [*outcome.solvers(exact=False), *outcome.solvers(exact=True)[:1]]
    for axes, (program, title, of) in zip(all_axes, panels, strict=True):
        classes = [c for c in LIVE_ORDER if any(live_class(j) == c for j in outcome.of(program, solvers[0]))]
        for index, solver in enumerate(solvers):
            own = outcome.of(program, solver)
            groups = [[v for j in own if live_class(j) == c and (v := of(j)) is not None] for c in classes]
            drawn = [(x, values) for x, values in enumerate(groups) if len(values) >= _FEWEST]
            shift = 0.5 * (index / max(1, len(solvers) - 1) - 0.5)
            axes.errorbar(
                [x + shift for x, _ in drawn], [np.mean(values) for _, values in drawn],
                yerr=np.transpose([_interval(values) for _, values in drawn]) if drawn else None,
                fmt=mark_of(solver, solvers), color=colour_of(solver, solvers), markersize=5, elinewidth=1.2,
                label=solver, gid=f"{title}/{solver}",
            )  # fmt: skip
        counts = [sum(live_class(j) == c for j in outcome.of(program, solvers[0])) for c in classes]
        axes.set_xticks(range(len(classes)), [f"{c}\n{n}" for c, n in zip(classes, counts, strict=True)], fontsize=8)
        axes.set_title(title, loc="left", fontsize=10, color=INK)
        axes.set_xlabel("live requests; below: rounds", color=SOFT)
        axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
        axes.grid(axis="y", color=GRID)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(length=0)
    all_axes[0].set_ylabel("mean regret (requests on time), 95 % interval", color=SOFT)
    handles, labels = all_axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False, fontsize=9)
    figure.savefig(path)


def _interval(values: Sequence[float]) -> tuple[float, float]:
    """Return how far the 95 % interval of a mean reaches down, to 0 at most, and up."""
    half = 1.96 * float(np.std(values, ddof=1)) / math.sqrt(len(values))
    return min(half, float(np.mean(values))), half


def draw_plans(
    round_: Round, plans: Sequence[tuple[str, Sequence[Assignment]]], afterwards: Solver, title: str, path: Path
) -> None:
    """Draw plans for one round, one above the other, and how each goes on without new arrivals.

    Parameters
    ----------
    round_
        The round.
    plans
        Names and plans.
    afterwards
        Who decides after each of them.
    title
        Of the picture.
    path
        Where it goes.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    gpus = round_.cluster.gpus
    height = 0.9 + len(plans) * (0.75 + 0.19 * min(gpus, 16))
    figure = Figure(figsize=(9.0, height), dpi=150, layout="constrained")
    all_axes = figure.subplots(len(plans), 1, sharex=True, squeeze=False)[:, 0]
    timely = [job for job in round_.jobs if not round_.hopeless(job)]
    colours = {job.id: _JOBS[at % len(_JOBS)] for at, job in enumerate(timely)}
    horizon = max(job.due for job in timely) - round_.now if timely else 1.0
    for axes, (name, assignments) in zip(all_axes, plans, strict=True):
        done, carried = to_the_end(round_, assignments, afterwards)
        whole = follow_up(round_, assignments, until=round_.now + _LATER).carried
        first = len(follow_up(round_, assignments).carried)
        met = [job.id for job in timely if done.get(job.id, math.inf) <= job.due + EPSILON]
        for at, bar in enumerate(carried):
            _draw_bar(axes, bar, round_.now, colours, planned=at < first)
        for bar in whole:
            _draw_outline(axes, bar, round_.now)
        for gpu, free in enumerate(round_.free_at):
            if free > round_.now + EPSILON:
                axes.barh(
                    gpu, free - round_.now, height=0.86, color="#cccccc", hatch="////", edgecolor="white", linewidth=0
                )
        for at, job in enumerate(sorted(timely, key=lambda job: job.due)):
            colour, due = colours[job.id], job.due - round_.now
            axes.axvline(due, color=colour, linewidth=1.0, linestyle=":", zorder=0)
            good = job.id in met
            axes.plot(
                due, -1.0 - 0.75 * (at % 2), "o" if good else "x", color=MET if good else MISSED, markersize=5,
                clip_on=False, gid=f"{name}/{job.id}/{'met' if good else 'missed'}",
            )  # fmt: skip
        axes.set_title(f"{name}: {len(met)} of {len(timely)} on time", loc="left", fontsize=9, color=INK)
        axes.set_ylim(gpus - 0.4, -2.3)
        axes.set_yticks(range(gpus) if gpus <= 16 else [])
        axes.set_ylabel("GPU", color=SOFT)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(length=0, labelsize=8)
    all_axes[-1].set_xlim(0.0, 1.02 * horizon)
    all_axes[-1].set_xlabel("seconds from the decision", color=SOFT)
    entries: list[Patch | Line2D] = [
        Patch(facecolor=colours[job.id], label=f"request {job.id}: {job.request.shape.label}, {job.steps_left} steps")
        for job in timely
    ]
    entries += [
        Patch(fill=False, edgecolor="black", linewidth=1.1, linestyle="--", label="the plan, by request"),
        Patch(facecolor="#888888", label="carried out before the next decision"),
        Patch(facecolor="#888888", alpha=0.45, label=f"afterwards: {afterwards.name}"),
        Patch(facecolor="#cccccc", hatch="////", edgecolor="white", label="step in progress"),
        Line2D([], [], marker="o", color=MET, linestyle=":", label="deadline met"),
        Line2D([], [], marker="x", color=MISSED, linestyle=":", label="deadline missed"),
    ]
    figure.suptitle(title, fontsize=10, x=0.01, ha="left", color=INK)
    figure.legend(handles=entries, loc="outside lower center", ncols=3, frameon=False, fontsize=7.5)
    figure.savefig(path)


def _draw_bar(axes: Axes, bar: Carried, now: float, colours: dict[int, str], planned: bool) -> None:
    """Draw what one assignment ran, on each of its GPUs; late requests are light grey."""
    colour = colours.get(bar.assignment.jobs[0], "#e0e0e0")
    for first, count in _stretches(bar.assignment.group.gpus):
        axes.barh(
            first + 0.5 * (count - 1), bar.ends - bar.begins, left=bar.begins - now, height=count - 0.14, color=colour,
            alpha=1.0 if planned else 0.45, edgecolor="white", linewidth=0.4,
        )  # fmt: skip


def _draw_outline(axes: Axes, bar: Carried, now: float) -> None:
    """Draw what an assignment asks for and for whom, whether or not another decision comes before its end."""
    for first, count in _stretches(bar.assignment.group.gpus):
        axes.barh(
            first + 0.5 * (count - 1), bar.ends - bar.begins, left=bar.begins - now, height=count - 0.14, fill=False,
            edgecolor="black", linewidth=1.1, linestyle="--", zorder=3,
        )  # fmt: skip
        axes.annotate(
            "+".join(map(str, bar.assignment.jobs)), (0.5 * (bar.begins + bar.ends) - now, first + 0.5 * (count - 1)),
            fontsize=7, ha="center", va="center", zorder=4, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
        )  # fmt: skip


def _stretches(gpus: Sequence[int]) -> list[tuple[int, int]]:
    """Return neighbouring GPUs as (first, how many)."""
    found: list[tuple[int, int]] = []
    for gpu in sorted(gpus):
        if found and gpu == sum(found[-1]):
            found[-1] = (found[-1][0], found[-1][1] + 1)
        else:
            found.append((gpu, 1))
    return found
