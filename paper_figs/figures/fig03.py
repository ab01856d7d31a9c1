"""Figure 3: scaling efficiency by resolution, degree and batch, with the provenance of every point."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paper_figs.figure import Figure
from paper_figs.figures._sweeps import SHAPES
from paper_figs.lab import Lab
from paper_figs.style import SHAPE_COLOURS, end_labels, panels
from paper_figs.table import Table, Value
from profiles import Shape, load_profile

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

PANELS = {"flux1-dev_h100": ("H100", "nvlink"), "flux1-dev_l20": ("L20, PCIe", "pcie")}
DEGREES = (1, 2, 4, 8)
BATCHES = (1, 4)


def data(lab: Lab) -> Table:
    """Step time on one GPU over degree times step time, for the same batch."""
    rows: list[dict[str, Value]] = []
    for name, (_, link) in PANELS.items():
        profile = load_profile(name)
        for edge in SHAPES:
            shape = Shape(int(edge), int(edge))
            for batch in BATCHES:
                for degree in DEGREES:
                    if not (profile.has(shape, degree, link, batch) and profile.has(shape, 1, "local", batch)):
                        continue
                    entry = profile.entry(shape, degree, link, batch)
                    efficiency = profile.step_time(shape, 1, "local", batch) / (degree * entry.seconds)
                    rows.append(
                        {
                            "profile": name,
                            "shape": edge,
                            "batch": batch,
                            "degree": degree,
                            "efficiency": efficiency,
                            "provenance": entry.provenance,
                        }
                    )
    return Table.of(rows)


def draw(table: Table) -> Drawing:
    """Draw a panel per hardware and batch; filled marks are published times."""
    figure, axes = panels(2, 2, 3.9, sharex=True, sharey=True)
    for row, (name, (title, _)) in zip(axes, PANELS.items(), strict=True):
        for axis, batch in zip(row, BATCHES, strict=True):
            axis.set_ylim(0, 1.05)
            ends = []
            for shape in SHAPES:
                rows = table.where(profile=name, shape=shape, batch=batch)
                places = [DEGREES.index(int(degree)) for degree in rows.numbers("degree")]
                values = rows.numbers("efficiency")
                axis.plot(places, values, color=SHAPE_COLOURS[shape], linewidth=1.0, label=shape)
                for place, value, provenance in zip(places, values, rows.texts("provenance"), strict=True):
                    face = SHAPE_COLOURS[shape] if provenance in ("published", "measured") else "white"
                    axis.plot(place, value, "o", color=SHAPE_COLOURS[shape], markerfacecolor=face, markersize=3.2)
                ends.append((values[-1], shape, SHAPE_COLOURS[shape]))
            if batch == BATCHES[-1]:
                end_labels(axis, ends, len(DEGREES) - 1, 0.1)
            axis.set_title(f"{title}, batch {batch}", fontsize=7)
        row[0].set_ylabel("scaling efficiency")
    for axis in axes[-1]:
        axis.set_xticks(range(len(DEGREES)), [str(degree) for degree in DEGREES])
        axis.set_xlabel("GPUs")
    axes[0, 0].text(0.03, 0.04, "● published\n○ model", transform=axes[0, 0].transAxes, fontsize=6.5)
    return figure


def describe(table: Table) -> str:
    """Say how efficiency falls with small images and many GPUs."""
    h100 = table.where(profile="flux1-dev_h100", degree=8)
    small, large = (h100.number("efficiency", shape=shape, batch=1) for shape in ("256", "2048"))
    batched = h100.number("efficiency", shape="256", batch=4)
    counts = {name: table.where(profile=name).texts("provenance").count("published") for name in PANELS}
    return (
        f"On eight H100 a 256 image uses {100 * small:.0f} % of what it holds, a 2048 image {100 * large:.0f} %; "
        f"batches of four lift the 256 image to {100 * batched:.0f} %. {counts['flux1-dev_h100']} points on H100 and "
        f"{counts['flux1-dev_l20']} on L20 are published, the others come from the fitted model."
    )


FIGURE = Figure("Scaling efficiency by resolution, degree and batch", data, draw, describe)
