"""Figure 2: share of a step that is communication, by resolution and degree, from the profile's step-time model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paper_figs.figure import Comparison, Figure
from paper_figs.figures._sweeps import SHAPES
from paper_figs.lab import Lab
from paper_figs.style import SHAPE_COLOURS, end_labels, panels
from paper_figs.table import Table, Value
from profiles import Shape, load_profile
from profiles.model import Constants
from profiles.recipes import find_recipe

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

DEGREES = (1, 2, 4, 8)


def data(lab: Lab) -> Table:
    """Take a step apart with the constants that the profile was made with."""
    profile, recipe = load_profile("flux1-dev_h100"), find_recipe("flux1-dev_h100")
    constants = Constants(**recipe.series[0].pinned)
    rows: list[dict[str, Value]] = []
    for edge in SHAPES:
        shape = Shape(int(edge), int(edge))
        for degree in DEGREES:
            entry = profile.entry(shape, degree, "nvlink")
            sync = constants.sync if degree > 1 else 0.0
            traffic = recipe.architecture.traffic(shape, degree) / constants.bandwidth
            rows.append(
                {
                    "shape": edge,
                    "degree": degree,
                    "step_ms": 1e3 * entry.seconds,
                    "sync_ms": 1e3 * sync,
                    "traffic_ms": 1e3 * traffic,
                    "share": (sync + traffic) / entry.seconds,
                    "provenance": entry.provenance,
                }
            )
    return Table.of(rows)


def draw(table: Table) -> Drawing:
    """Draw a line per resolution; filled marks where the step time is published."""
    figure, axes = panels(1, 1, 2.4)
    axis = axes[0, 0]
    axis.set_ylim(0, 0.65)
    ends = []
    for shape in SHAPES:
        rows = table.where(shape=shape)
        places, shares = list(range(len(rows))), rows.numbers("share")
        axis.plot(places, shares, color=SHAPE_COLOURS[shape], label=shape)
        for place, share, provenance in zip(places, shares, rows.texts("provenance"), strict=True):
            face = SHAPE_COLOURS[shape] if provenance in ("published", "measured") else "white"
            axis.plot(place, share, "o", color=SHAPE_COLOURS[shape], markerfacecolor=face)
        ends.append((shares[-1], f"{shape} px", SHAPE_COLOURS[shape]))
    end_labels(axis, ends, len(DEGREES) - 1, 0.09)
    axis.set_xticks(range(len(DEGREES)), [str(degree) for degree in DEGREES])
    axis.set_xlabel("GPUs")
    axis.set_ylabel("communication, share of a step")
    axis.set_title("FLUX.1-dev on H100:  ● published   ○ model", fontweight="normal")
    return figure


def describe(table: Table) -> str:
    """Say how the share changes."""
    small, large = (table.number("share", shape=shape, degree=8) for shape in ("256", "2048"))
    published = sum(text == "published" for text in table.texts("provenance"))
    return (
        f"On 8 GPUs, synchronization and traffic take {100 * small:.0f} % of a step at 256 and {100 * large:.0f} % at "
        f"2048: small images pay for parallelism. {published} of the {len(table)} step times are published, the others "
        "come from the model that meets these; so does the split into arithmetic and communication."
    )


def compare(table: Table) -> list[Comparison]:
    """Compare the time of a large image on one GPU."""
    here = 50 * table.number("step_ms", shape="2048", degree=1) / 1000
    return [Comparison("2048 image, 50 steps, one H100 (paper: up to)", 60.0, here, "s")]


FIGURE = Figure("Communication share of a step by resolution and degree", data, draw, describe, compare)
