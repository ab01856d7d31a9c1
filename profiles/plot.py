"""A figure of a profile: step time and scaling efficiency by degree, with provenance visible."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator, PercentFormatter

from profiles.entries import LOCAL, PROVENANCES, Provenance, StepEntry
from profiles.profile import Profile
from profiles.shape import Shape

MARKERS: dict[Provenance, str] = {
    "measured": "D",
    "emulated": "d",
    "published": "o",
    "fitted": "s",
    "extrapolated": "X",
}
FILLED: tuple[Provenance, ...] = ("measured", "published")
Line = Literal["-", "--", ":"]
LINES: tuple[Line, ...] = ("-", "--", ":")
INK = "#333333"


def plot_profile(profile: Profile, path: str | Path, batch: int = 1) -> None:
    """Write the figure as PNG, or as what the suffix of ``path`` says.

    One line a shape and link class, from few pixels (dark) to many (light) in a scale that colour-blind
    readers can order; filled markers for numbers that somebody timed, hollow ones for those of a model.

    Parameters
    ----------
    profile
        What to plot.
    path
        The file; replaced if it exists.
    batch
        The batch size whose times to plot.
    """
    figure = Figure(figsize=(10, 4.8), layout="constrained")
    times, efficiency = figure.subplots(1, 2)
    figure.suptitle(f"{profile.model} on {profile.hardware}", fontsize=12, color=INK, x=0.01, ha="left")
    colours = colormaps["viridis"](np.linspace(0.0, 0.85, max(len(profile.shapes), 2)))
    for shape, colour in zip(profile.shapes, colours, strict=False):
        for link, line in zip(profile.links, LINES, strict=False):
            entries = _line(profile, shape, link, batch)
            if not entries:
                continue
            alone = profile.step_time(shape, 1, LOCAL, batch)
            milliseconds = [entry.seconds * 1e3 for entry in entries]
            shares = [alone / (entry.degree * entry.seconds) for entry in entries]
            _draw(times, entries, milliseconds, colour, line)
            _draw(efficiency, entries, shares, colour, line, skip=1)
    _finish_times(times, batch)
    _finish_efficiency(efficiency)
    degrees = sorted({entry.degree for entry in profile.entries})
    for axes in (times, efficiency):
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_locator(FixedLocator(degrees))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda degree, _: f"{degree:g}"))
        axes.set_xlabel("GPUs")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="#e5e5e5", linewidth=0.8)
        axes.set_axisbelow(True)
    handles = [
        Line2D([], [], color=colour, linewidth=3, label=shape.label)
        for shape, colour in zip(profile.shapes, colours, strict=False)
    ]
    figure.legend(handles=handles[::-1] + _keys(profile, batch), loc="outside right center", frameon=False)
    figure.savefig(path, dpi=150)


def _line(profile: Profile, shape: Shape, link: str, batch: int) -> list[StepEntry]:
    degrees = profile.degrees(shape, link)
    return [profile.entry(shape, k, link, batch) for k in degrees if profile.has(shape, k, link, batch)]


def _draw(
    axes: Axes,
    entries: Sequence[StepEntry],
    values: Sequence[float],
    colour: np.ndarray,
    line: str,
    skip: int = 0,
) -> None:
    """Draw a line, and markers at all degrees but ``skip``."""
    axes.plot([entry.degree for entry in entries], values, line, color=colour, linewidth=1.4)
    for entry, value in zip(entries, values, strict=True):
        if entry.degree == skip:
            continue
        axes.plot(
            entry.degree,
            value,
            MARKERS[entry.provenance],
            markersize=7,
            color=colour,
            markerfacecolor=colour if entry.provenance in FILLED else "white",
            markeredgewidth=1.3,
        )


def _finish_times(axes: Axes, batch: int) -> None:
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_title("ms per step" + ("" if batch == 1 else f", batch {batch}"), loc="left", fontsize=10)


def _finish_efficiency(axes: Axes) -> None:
    axes.set_ylim(bottom=0)
    axes.axhline(1, color="#999999", linewidth=0.8)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set_title("scaling efficiency (1 GPU time / GPUs x time)", loc="left", fontsize=10)


def _keys(profile: Profile, batch: int) -> list[Line2D]:
    """Legend keys of what occurs: provenance by marker and, if there are several, links by line."""
    occurring = {entry.provenance for entry in profile.entries if entry.batch == batch}
    keys = [
        Line2D(
            [],
            [],
            linestyle="",
            marker=MARKERS[provenance],
            color=INK,
            markerfacecolor=INK if provenance in FILLED else "white",
            label=provenance,
        )
        for provenance in PROVENANCES
        if provenance in occurring
    ]
    if len(profile.links) > 1:
        for link, line in zip(profile.links, LINES, strict=False):
            keys.append(Line2D([], [], color=INK, linestyle=line, label=link))
    return keys
