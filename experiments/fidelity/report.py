"""Real and simulated figures side by side: table, picture, rows."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.drawing.palette import GRID, INK, colour_of, mark_of
from experiments.fidelity.figures import TOLERANCE, Figures, faithful, unit
from experiments.results.text import Table

Runs = Mapping[str, Sequence[Figures]]
"""Kind of run (``real``, or how it was simulated) to the figures of each repeat."""

REAL = "real"


def mean_of(runs: Sequence[Figures], name: str) -> float:
    """Return the mean of a figure over the runs that have it; NaN if none has."""
    values = [run[name] for run in runs if name in run and math.isfinite(run[name])]
    return statistics.fmean(values) if values else math.nan


def spread_of(runs: Sequence[Figures], name: str) -> float:
    """Return the standard deviation of a figure over runs."""
    values = [run[name] for run in runs if name in run and math.isfinite(run[name])]
    return statistics.stdev(values) if len(values) > 1 else 0.0


def names_of(runs: Runs) -> list[str]:
    """Return the names of all figures, in order; a step that only some runs did stands at its place."""
    common = [name for name in runs[REAL][0] if not name.startswith("step ")]
    steps = {name for many in runs.values() for run in many for name in run if name.startswith("step ")}
    return common + sorted(steps, key=_by_size)


def table(runs: Runs) -> Table:
    """Return a row per figure: the mean of real runs and their standard deviation, then each simulation's difference."""
    simulated = [kind for kind in runs if kind != REAL]
    rows = [["figure", REAL, "±", *(text for kind in simulated for text in (kind, "difference"))]]
    for name in names_of(runs):
        real = mean_of(runs[REAL], name)
        row = [_label(name), _number(name, real), _number(name, spread_of(runs[REAL], name))]
        for kind in simulated:
            value = mean_of(runs[kind], name)
            row += [_number(name, value), f"{_difference(name, real, value)} {verdict(runs, kind, name)}".rstrip()]
        rows.append(row)
    return rows


@dataclass(frozen=True, slots=True)
class FigureRow:
    """A figure of a run, for ``runs.csv``."""

    kind: str
    repeat: int
    figure: str
    value: float


def figure_rows(runs: Runs) -> list[FigureRow]:
    """Return every figure of every run."""
    numbered = [(kind, repeat, run) for kind, many in runs.items() for repeat, run in enumerate(many)]
    return [FigureRow(kind, repeat, name, value) for kind, repeat, run in numbered for name, value in run.items()]


def draw(runs: Runs, path: Path) -> None:
    """Draw each figure of a simulation relative to the real mean, over the range of the real runs."""
    from matplotlib.figure import Figure

    names = [n for n in names_of(runs) if n != "decision" and mean_of(runs[REAL], n) > 0]
    figure = Figure(figsize=(7.0, 0.6 + 0.28 * len(names)), layout="constrained")
    axes = figure.subplots()
    places = range(len(names))
    for place, name in zip(places, names, strict=True):
        real = mean_of(runs[REAL], name)
        values = [run[name] / real - 1 for run in runs[REAL] if name in run]
        axes.plot(
            [100 * min(values), 100 * max(values)], [place, place], color=GRID, linewidth=6, solid_capstyle="butt"
        )
    simulations = [kind for kind in runs if kind != REAL]
    for kind in simulations:
        offsets = [100 * (mean_of(runs[kind], name) / mean_of(runs[REAL], name) - 1) for name in names]
        axes.plot(
            offsets, places, mark_of(kind, simulations), color=colour_of(kind, simulations), label=kind, markersize=5
        )
    axes.axvline(0.0, color=INK, linewidth=0.8)
    axes.set_yticks(list(places), [_label(name) for name in names])
    axes.invert_yaxis()
    axes.set_xlabel("difference from the mean of real runs, %; grey: range of the real runs")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    figure.savefig(path, dpi=120)


def verdict(runs: Runs, kind: str, name: str) -> str:
    """Judge a figure of a simulation.

    Returns
    -------
    str
        ``ok``: as near to the real mean as promised. ``noise``: further, but among the real runs. ``off``: neither. Empty
        where nothing is promised.
    """
    value = mean_of(runs[kind], name)
    near = faithful(name, mean_of(runs[REAL], name), value)
    if near is None:
        return ""
    reals = [run[name] for run in runs[REAL] if name in run]
    return "ok" if near else "noise" if min(reals) <= value <= max(reals) else "off"


def verdicts(runs: Runs) -> list[str]:
    """Return a sentence per simulation: which of the promised figures are as near as they should be."""
    sentences = []
    for kind in (kind for kind in runs if kind != REAL):
        said = ", ".join(f"{name} {verdict(runs, kind, name)}" for name in TOLERANCE)
        sentences.append(f"{kind}: {said}")
    return sentences


def _by_size(name: str) -> tuple[int, int]:
    _, shape, _, degree = name.split(" ")
    return math.prod(int(part) for part in shape.split("x")), int(degree)


def _label(name: str) -> str:
    counted = unit(name)
    return f"{name}, {counted}" if counted else name


def _number(name: str, value: float) -> str:
    if not math.isfinite(value):
        return "-"
    scaled = 1e3 * value if unit(name) == "ms" else value
    return f"{scaled:.1f}" if unit(name) in ("ms", "") else f"{scaled:.3f}"


def _difference(name: str, real: float, value: float) -> str:
    if not (math.isfinite(real) and math.isfinite(value)):
        return "-"
    if unit(name) == "share":
        return f"{value - real:+.3f}"
    return f"{value / real - 1:+.1%}" if real else "-"
