"""What several figures share: attainment by resolution over a sweep, and the drawing of figures 7 and 8."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from paper_figs.charts import categories, lines
from paper_figs.lab import Lab, Point, sar, sar_of
from paper_figs.policies import BY_NAME, EXACT, RIVALS, Policy
from paper_figs.style import PAPER_MARK, panels
from paper_figs.table import Table, Value, means

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

SHAPES = ("256", "512", "1024", "2048")
SCALES = (1.0, 1.1, 1.2, 1.3, 1.4, 1.5)
RATES = (6, 9, 12, 15, 18)
FIXED = ("fixed-1", "fixed-2", "fixed-4", "fixed-8")
ALL = "all"


def by_shape(lab: Lab, points: Iterable[Point], policies: Sequence[Policy], shapes: Sequence[str] = SHAPES) -> Table:
    """Run a sweep; a row per point, policy and shape, with ``shape`` ``all`` for all requests."""
    metrics = {ALL: sar, **{shape: sar_of(f"{shape}x{shape}") for shape in shapes}}
    rows: list[dict[str, Value]] = []
    for record in lab.sweep(points, policies, metrics).records():
        about = {key: value for key, value in record.items() if key.removesuffix("_half") not in metrics}
        rows += [{**about, "shape": name, "sar": record[name], "sar_half": record[f"{name}_half"]} for name in metrics]
    return Table.of(rows)


def scale_points(mix: str, scales: Sequence[float] = SCALES, overrides: Sequence[str] = ()) -> list[Point]:
    """Return the points of a sweep over deadline scales."""
    return [Point({"mix": mix, "scale": s}, (f"workload={mix}", f"workload.slo_scale={s}", *overrides)) for s in scales]


def policies_of_paper() -> tuple[Policy, ...]:
    """Return the paper's policies, greedy rounds at their best, and our strongest."""
    return (*RIVALS, *EXACT)


def best_fixed(table: Table, **equal: Value) -> tuple[str, float]:
    """Return the best fixed degree, by mean attainment, and its attainment."""
    rows = table.where(shape=ALL, **equal)
    found = {name: rows.number("sar", policy=name) for name in FIXED if name in rows.names("policy")}
    best = max(found, key=lambda name: found[name])
    return best, found[best]


def draw_scales(table: Table, ends: tuple[float, float] = (1.0, 1.5)) -> Drawing:
    """Draw attainment over the deadline scale, and by resolution at two scales."""
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(3.5, 4.1))
    parts: Any = figure.subfigures(2, 1, height_ratios=[1.15, 1])
    top, below = parts
    axes = top.subplots()
    whole = table.where(shape=ALL)
    lines(axes, whole.filter(lambda row: row["policy"] in BY_NAME), "scale", gap=0.075)
    printed = whole.where(policy="paper-dp")
    if len(printed):
        axes.plot(printed.numbers("scale"), printed.numbers("sar"), **PAPER_MARK, label="paper")
        axes.annotate(
            "★ TetriServe as the paper prints it",
            (0.02, 0.03),
            xycoords="axes fraction",
            fontsize=6.5,
            va="bottom",
            color="#222222",
        )
    axes.set_xlabel("deadline scale")
    axes.set_ylabel("SLO attainment")
    left, right = below.subplots(1, 2, sharey=True)
    for axis, scale in ((left, ends[0]), (right, ends[1])):
        chosen = table.where(scale=scale).filter(lambda row: row["shape"] != ALL and row["policy"] in BY_NAME)
        categories(axis, chosen, "shape", labels=False)
        axis.set_title(f"scale {scale:.1f}, by resolution")
        axis.set_xlabel("pixels")
    left.set_ylabel("SLO attainment")
    return figure


def draw_panels(table: Table, column: str, x: str, xlabel: str, titles: dict[str, str], height: float = 3.6) -> Drawing:
    """Draw attainment over ``x`` in one panel per value of ``column``, one above the other."""
    figure, axes = panels(len(titles), 1, height, sharex=True)
    for axis, (value, title) in zip(axes[:, 0], titles.items(), strict=True):
        lines(axis, table.where(**{column: value}), x, gap=0.085)
        axis.set_title(title)
        axis.set_ylabel("SLO attainment")
    axes[-1, 0].set_xlabel(xlabel)
    return figure


def mean_gain(table: Table, policy: str, other: str, by: Sequence[str]) -> tuple[float, float]:
    """Return the mean and the largest difference in attainment of two policies over the points named by ``by``."""
    ours, theirs = (means(table.where(policy=name), by, "sar") for name in (policy, other))
    gains = [ours[key] - theirs[key] for key in ours if key in theirs]
    return sum(gains) / len(gains), max(gains)
