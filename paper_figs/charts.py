"""Panels that several figures share: SAR over something, by resolution, rows of dots, and step times by degree."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from experiments.drawing.palette import INK, SOFT
from paper_figs.policies import BY_NAME
from paper_figs.style import PAPER_MARK, SHAPE_COLOURS, SPARE_COLOURS, darker, draw_point, end_labels
from paper_figs.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes


SHARES = (-0.02, 1.05)
"""Limits of an axis of shares: marks at 0 and 1 are whole."""


def lines(
    axes: Axes,
    table: Table,
    x: str,
    y: str = "sar",
    policies: Sequence[str] | None = None,
    labels: bool = True,
    gap: float = 0.068,
    limits: tuple[float, float] | None = SHARES,
) -> None:
    """Draw one line per policy with its 95 % band, labelled at its end.

    Parameters
    ----------
    axes
        To draw on.
    table
        Rows with the columns ``policy``, ``x``, ``y`` and ``y_half``.
    x, y
        Columns.
    policies
        Which, in which order; by default all in the table.
    labels
        Whether to label the ends.
    gap
        Between labels; see :func:`paper_figs.style.end_labels`.
    limits
        Of the y axis; None leaves them.
    """
    if limits is not None:
        axes.set_ylim(*limits)
    ends: list[tuple[float, str, str]] = []
    right = -math.inf
    for name in policies if policies is not None else table.names("policy"):
        policy = BY_NAME[name]
        rows = table.where(policy=name)
        xs, ys, halves = rows.numbers(x), rows.numbers(y), rows.numbers(f"{y}_half")
        if not xs:
            continue
        spread = [0.0 if math.isnan(half) else half for half in halves]
        axes.plot(xs, ys, policy.line, color=policy.colour, marker=policy.marker, label=policy.label, gid=f"{name}")
        axes.fill_between(
            xs,
            [value - half for value, half in zip(ys, spread, strict=True)],
            [value + half for value, half in zip(ys, spread, strict=True)],
            color=policy.colour, alpha=0.16, linewidth=0,
        )  # fmt: skip
        right = max(right, xs[-1])
        ends.append((ys[-1], policy.label, policy.colour))
    if labels:
        end_labels(axes, ends, right, gap)


def categories(axes: Axes, table: Table, x: str, y: str = "sar", labels: bool = True, gap: float = 0.085) -> None:
    """Draw one line per policy over named categories, such as resolutions: the paper's spider plot, unrolled."""
    names = [str(value) for value in table.distinct(x)]
    axes.set_ylim(*SHARES)
    ends: list[tuple[float, str, str]] = []
    for name in table.names("policy"):
        policy = BY_NAME[name]
        rows = table.where(policy=name)
        places = [names.index(text) for text in rows.texts(x)]
        ys = rows.numbers(y)
        halves = [0.0 if math.isnan(half) else half for half in rows.numbers(f"{y}_half")]
        axes.errorbar(
            places,
            ys,
            halves,
            fmt=policy.line,
            color=policy.colour,
            marker=policy.marker,
            elinewidth=0.6,
            label=policy.label,
        )
        ends.append((ys[-1], policy.label, policy.colour))
    axes.set_xticks(range(len(names)), names)
    axes.set_xlim(-0.25, len(names) - 0.75)
    if labels:
        end_labels(axes, ends, len(names) - 1, gap)


def paper_versus_here(axes: Axes, table: Table, label: str = "what", title: str = "") -> None:
    """Draw a row per number: what the paper prints (star) and what came out here (dot with its interval).

    Where the table has a column ``policy``, dots have the colours of the policies.
    """
    rows = len(table)
    heights = list(range(rows))[::-1]
    here, paper = table.numbers("here"), table.numbers("paper")
    halves = table.numbers("here_half") if "here_half" in table.columns else [math.nan] * rows
    for height, ours, theirs in zip(heights, here, paper, strict=True):
        axes.plot([ours, theirs], [height, height], color="#cccccc", linewidth=1.0, zorder=1)
    names = table.texts("policy") if "policy" in table.columns else ["dp"] * rows
    for height, ours, half, name in zip(heights, here, halves, names, strict=True):
        axes.errorbar(
            ours, height, xerr=0.0 if math.isnan(half) else half, fmt="o", color=BY_NAME[name].colour, markersize=4.6,
            elinewidth=0.8, zorder=2,
        )  # fmt: skip
    mark = {**PAPER_MARK, "markersize": 7.5, "markeredgecolor": "white", "markeredgewidth": 0.5}
    axes.plot(paper, heights, **mark, zorder=3, label="paper")
    axes.set_yticks(heights, table.texts(label))
    axes.set_ylim(-0.6, rows - 0.4)
    axes.grid(axis="x")
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", colors=INK)
    axes.set_title(title)


def draw_curves(
    axis: Axes, table: Table, degrees: Sequence[float], column: str, limits: tuple[float, float], labelled: bool = True
) -> None:
    """Draw a line per resolution over the degree, every point with its provenance; its name at its end if wanted."""
    axis.set_ylim(*limits)
    ends = []
    spare = iter(SPARE_COLOURS)
    for shape in table.names("shape"):
        rows = table.where(shape=shape)
        colour = SHAPE_COLOURS.get(shape) or next(spare)
        places = [degrees.index(degree) for degree in rows.numbers("degree")]
        values = rows.numbers(column)
        axis.plot(places, values, color=colour, linewidth=1.0, label=shape)
        for place, value, provenance in zip(places, values, rows.texts("provenance"), strict=True):
            draw_point(axis, place, value, provenance, colour)
        ends.append((values[-1], f"{shape} px", colour))
    axis.set_xticks(range(len(degrees)), [f"{degree:g}" for degree in degrees])
    if not (ends and labelled):
        return
    last = degrees.index(max(table.numbers("degree")))
    if last == len(degrees) - 1:
        end_labels(axis, ends, last, 0.12, 6.5)
    else:  # a line to the margin would look like data
        for value, text, colour in ends:
            beside: Any = {"xytext": (6, 0), "textcoords": "offset points", "va": "center", "fontsize": 6.5}
            axis.annotate(text, (last, value), color=darker(colour), **beside)


def note(axes: Axes, text: str, x: float = 0.02, y: float = 0.04, colour: str = SOFT) -> None:
    """Write a small remark inside a panel, at a place in shares of its size."""
    axes.text(x, y, text, transform=axes.transAxes, fontsize=6.5, color=colour, va="bottom")
