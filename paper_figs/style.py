"""One style for all figures: sized for one column of print, safe for colour-blind readers, labelled directly."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.drawing.labels import spread_out
from experiments.drawing.palette import GRID, INK, SOFT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMN = 3.5
"""Inches: width of a figure, one column of print."""
PAGE = 7.2
"""Inches: width of timelines, which need a whole page."""
SHAPE_COLOURS = {"256": "#88ccee", "512": "#44aa99", "1024": "#ddaa33", "2048": "#aa4499"}
"""By resolution (after Paul Tol)."""
SPARE_COLOURS = ("#332288", "#117733", "#cc6677", "#882255")
"""For resolutions that the paper does not have."""
DEGREE_COLOURS = {1: "#c9dcf0", 2: "#8fbde0", 4: "#4292c6", 8: "#08519c"}
"""By degree of parallelism, light to dark; ordered also in grey."""
PROVENANCE_MARKS = {"measured": "D", "emulated": "d", "published": "o", "fitted": "o", "extrapolated": "."}
PAPER_MARK: dict[str, Any] = {"marker": "*", "color": INK, "markersize": 5.5, "linestyle": "none"}
"""How a number that the paper prints is drawn."""
KNOWN = ("measured", "published")
"""Provenances of numbers that somebody timed; their marks are filled."""

_SETTINGS: dict[str, Any] = {
    "font.size": 7.5,
    "font.family": "DejaVu Sans",
    "axes.titlesize": 8,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 7.5,
    "axes.labelcolor": SOFT,
    "axes.edgecolor": "#aaaaaa",
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.size": 2,
    "ytick.major.size": 0,
    "lines.linewidth": 1.3,
    "lines.markersize": 3.6,
    "legend.frameon": False,
    "legend.fontsize": 7,
    "figure.constrained_layout.use": True,
    "pdf.fonttype": 42,
    "svg.hashsalt": "tetriplan",
    "svg.fonttype": "path",
}


@contextmanager
def styled() -> Iterator[None]:
    """Draw in the style of the figures, without a display."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.use("agg")
        for key, value in _SETTINGS.items():
            matplotlib.rcParams[key] = value  # type: ignore[index]
        yield


def panels(
    rows: int = 1, columns: int = 1, height: float = 2.3, width: float = COLUMN, **more: Any
) -> tuple[Figure, Any]:
    """Make a figure with a grid of axes; ``height`` in inches is that of the whole figure."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(rows, columns, figsize=(width, height), squeeze=False, **more)
    return figure, axes


def save(figure: Figure, path: Path) -> None:
    """Write PDF, SVG and PNG beside each other, without dates, and close the figure."""
    import matplotlib.pyplot as plt

    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path.with_suffix(".pdf"), metadata={"CreationDate": None})
    figure.savefig(path.with_suffix(".svg"), metadata={"Date": None})
    figure.savefig(path.with_suffix(".png"), dpi=250, metadata={"Software": None})
    plt.close(figure)


def end_labels(
    axes: Axes, labels: Sequence[tuple[float, str, str]], x: float, gap: float = 0.068, size: float = 7
) -> None:
    """Write labels at the right ends of lines, moved apart where they would overlap.

    Parameters
    ----------
    axes
        With its limits set.
    labels
        Height in data units, text and colour of each.
    x
        Where the lines end, in data units.
    gap
        Least distance between labels, as a share of the height of the axes.
    size
        Of the font.
    """
    if not labels:
        return
    low, high = axes.get_ylim()
    order = sorted(range(len(labels)), key=lambda i: labels[i][0])
    height: Callable[[float], float] = math.log if axes.get_yscale() == "log" else float
    wanted = [(height(labels[i][0]) - height(low)) / (height(high) - height(low)) for i in order]
    placed = spread_out(wanted, gap)
    for index, place in zip(order, placed, strict=True):
        value, text, colour = labels[index]
        axes.annotate(
            text, (x, value), xytext=(1.05, place), textcoords="axes fraction", fontsize=size, color=darker(colour),
            va="center", ha="left", annotation_clip=False,
            arrowprops={
                "arrowstyle": "-", "color": colour, "linewidth": 0.6, "shrinkA": 0, "shrinkB": 2, "relpos": (0, 0.5)
            },
        )  # fmt: skip


def draw_point(axes: Axes, x: float, y: float, provenance: str, colour: str, size: float = 3.6) -> None:
    """Mark a point so that it shows how its number is known; :func:`provenance_key` says what the marks mean."""
    face = colour if provenance in KNOWN else "white"
    if provenance == "extrapolated":
        face, size = colour, size + 1
    axes.plot(x, y, PROVENANCE_MARKS[provenance], color=colour, markerfacecolor=face, markersize=size, zorder=4)


def provenance_key(figure: Figure, provenances: Sequence[str], words: str = "step time:") -> None:
    """Explain above a figure the marks of the provenances that occur in it."""
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], linestyle="none", label=words)]
    for name in PROVENANCE_MARKS:
        if name in provenances:
            face = INK if name in (*KNOWN, "extrapolated") else "white"
            mark: dict[str, Any] = {"marker": PROVENANCE_MARKS[name], "markerfacecolor": face, "markersize": 4.5}
            handles.append(Line2D([], [], linestyle="none", color=INK, label=name, **mark))
    beside = max(2, int(figure.get_figwidth() / 0.85))
    columns = min(len(handles), beside)
    figure.legend(handles=handles, loc="outside upper center", ncols=columns, handletextpad=0.1, columnspacing=1.0)


def darker(colour: str, factor: float = 0.8) -> str:
    """Return a colour dark enough for small text."""
    from matplotlib.colors import to_hex, to_rgb

    red, green, blue = to_rgb(colour)
    return str(to_hex((factor * red, factor * green, factor * blue)))


def titled(profile: str) -> str:
    """Return the name of a profile as a title: model and hardware in the first line, what else it says in the second."""
    first, *rest = profile.split("_", 2)
    hardware, *more = rest
    return f"{first}, {hardware}" + "".join(f",\n{part.replace('_', ', ')}" for part in more)


def shown(label: str) -> str:
    """Shorten the label of a square shape: 512x512 to 512."""
    height, _, rest = label.partition("x")
    width, _, frames = rest.partition("x")
    return f"{height}" if height == width and not frames else label
