"""How the time of a decision grows with jobs and GPUs: ``python -m experiments.growth``.

Policies answer hard rounds with more and more jobs on one cluster, and on larger and larger clusters with as many jobs to a
GPU. What counts is the time of the processor, the least of a few answers, as in :mod:`experiments.studies.budgets`. A power
law is fitted along each axis to the logarithms by least squares.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from experiments.drawing.palette import GRID, SOFT, colour_of, mark_of
from experiments.results.text import Table
from experiments.studies.hard_rounds import hard_round
from experiments.studies.options import refuse, study_parser
from experiments.studies.study import open_study, run_study
from planner.processor import busy_seconds
from planner.solvers.exact import Highs
from planner.solvers.moore import Moore
from planner.solvers.priority import Edf, Srtf
from planner.solvers.protocol import Solver

POLICIES: Mapping[str, Solver] = {
    "lookahead": Highs(),
    "moore": Moore(),
    "edf": Edf(admission=True),
    "srtf": Srtf(admission=True),
}
AXES: Mapping[str, tuple[tuple[int, int], ...]] = {
    "live requests on 64 GPUs": tuple((64, jobs) for jobs in (16, 32, 64, 128, 256, 512, 1024)),
    "GPUs, two requests each": tuple((gpus, 2 * gpus) for gpus in (16, 32, 64, 128, 256, 512, 1024)),
}
"""GPUs and jobs along each axis; what grows is what the axis is named after."""
BUDGET = 0.5
"""Seconds."""
TIMES = 3
"""How often each round is answered."""


@dataclass(frozen=True, slots=True)
class TimedRound:
    """The time of a decision.

    Parameters
    ----------
    axis, policy, gpus, jobs, seed
        Along what, who was asked, and of what size the round was.
    seconds
        Of the processor, the least of :data:`TIMES` answers.
    proven
        Whether the plan was proven optimal.
    """

    axis: str
    policy: str
    gpus: int
    jobs: int
    seed: int
    seconds: float
    proven: bool

    @property
    def size(self) -> int:
        """What grows."""
        return self.gpus if self.axis.startswith("GPUs") else self.jobs


@dataclass(frozen=True, slots=True)
class Growth:
    """A power law.

    Parameters
    ----------
    seconds
        At size one.
    exponent
        Of the size.
    scatter
        Standard deviation of the logarithms about it, as a factor.
    """

    seconds: float
    exponent: float
    scatter: float

    def at(self, size: float) -> float:
        """Return the seconds that the law gives."""
        return float(self.seconds * size**self.exponent)


def growth_of(times: Sequence[TimedRound]) -> Growth:
    """Fit a power law by least squares on logarithms; needs two sizes."""
    sizes, seconds = np.log([each.size for each in times]), np.log([each.seconds for each in times])
    exponent, constant = (float(value) for value in np.polyfit(sizes, seconds, 1))
    rest = seconds - constant - exponent * sizes
    return Growth(math.exp(constant), exponent, math.exp(float(np.std(rest))))


def timed(axis: str, policy: str, gpus: int, jobs: int, seed: int) -> TimedRound:
    """Let one policy answer one round, a few times; the plan is the same every time."""
    solver, round_ = POLICIES[policy], hard_round(jobs, gpus, seed, "events")
    least, proven = math.inf, False
    for _ in range(TIMES):
        began = busy_seconds()
        proven = solver.solve(round_, BUDGET).certificate.status == "optimal"
        least = min(least, busy_seconds() - began)
    return TimedRound(axis, policy, gpus, jobs, seed, least, proven)


def growth_table(times: Sequence[TimedRound]) -> Table:
    """One row for each axis and policy: the exponent, and median milliseconds at the least, the middle and the last size."""
    rows = [["along", "policy", "exponent", "scatter", "from", "ms", "at", "ms", "to", "ms"]]
    for axis, policy in dict.fromkeys((each.axis, each.policy) for each in times):
        own = _along(times, axis, policy)
        law, sizes = growth_of(own), sorted({each.size for each in own})
        shown = (sizes[0], sizes[len(sizes) // 2], sizes[-1])
        cells = [text for size in shown for text in (f"{size}", f"{1e3 * _median(own, size):.2f}")]
        rows.append([axis, policy, f"{law.exponent:.2f}", f"{law.scatter:.2f}", *cells])
    return rows


def _along(times: Sequence[TimedRound], axis: str, policy: str) -> list[TimedRound]:
    return [each for each in times if (each.axis, each.policy) == (axis, policy)]


def _median(times: Sequence[TimedRound], size: int) -> float:
    return float(np.median([each.seconds for each in times if each.size == size]))


def draw_growth(times: Sequence[TimedRound], path: Path) -> None:
    """Draw medians along each axis, and through them the fitted law of each policy."""
    from matplotlib.figure import Figure

    axes_names = list(dict.fromkeys(each.axis for each in times))
    figure = Figure(figsize=(4.4 * len(axes_names), 3.8), dpi=150, layout="constrained")
    panels = figure.subplots(1, len(axes_names), sharey=True, squeeze=False)[0]
    for panel, axis in zip(panels, axes_names, strict=True):
        for policy in dict.fromkeys(each.policy for each in times):
            own = _along(times, axis, policy)
            law, sizes, colour = growth_of(own), sorted({each.size for each in own}), colour_of(policy)
            medians = [1e3 * _median(own, size) for size in sizes]
            panel.plot(sizes, medians, mark_of(policy), color=colour, markersize=5, gid=f"{axis}/{policy}")
            label = f"{policy}, to the {law.exponent:.2f}"
            panel.plot(sizes, [1e3 * law.at(size) for size in sizes], color=colour, linewidth=1.1, label=label)
        panel.set_xscale("log", base=2)
        panel.set_yscale("log")
        panel.set_xticks(sizes, [f"{size}" for size in sizes])
        panel.minorticks_off()
        panel.set_xlabel(axis, color=SOFT)
        panel.grid(color=GRID)
        panel.spines[["top", "right"]].set_visible(False)
        panel.legend(frameon=False, fontsize=8)
    panels[0].set_ylabel("processor time of a decision (ms)", color=SOFT)
    figure.savefig(path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = study_parser(
        "growth",
        "Measure how the processor time of a decision grows with live requests and GPUs. Quiet cores are best.",
        "--policy lookahead --policy edf --seeds 5",
        seeds=3,
        jobs=1,
    )
    parser.add_argument("--policy", action="append", choices=tuple(POLICIES), help="default: all")
    return run_study(parser, _command, arguments)


def _command(options: argparse.Namespace) -> None:
    refuse(options.overrides, {"": "--policy: rounds are drawn, not met in a run"})
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    asked = product(AXES.items(), dict.fromkeys(options.policy or POLICIES))
    work = [(axis, policy, *size, seed) for (axis, sizes), policy in asked for size in sizes for seed in seeds]
    with open_study("growth", options, {"axes": AXES, "budget": BUDGET}, list(seeds)) as study:
        times = study.jobs.do("decisions", timed, work, TimedRound)
        study.table("table", growth_table(times), "How the time of a decision grows: exponents, and medians")
        study.rows("decisions", times)
        study.write("growth.png", lambda path: draw_growth(times, path))
