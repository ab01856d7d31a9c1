"""Figure 3: scaling efficiency by resolution, degree and batch, with the provenance of every point."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from experiments.drawing.palette import SOFT
from paper_figs.charts import draw_curves
from paper_figs.figure import Figure
from paper_figs.figures._sweeps import SHAPES
from paper_figs.lab import Lab
from paper_figs.measured import measured_profiles, scaling
from paper_figs.style import panels, provenance_key, shown, titled
from paper_figs.table import Table, Value
from profiles import load_profile

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

PUBLISHED = {"flux1-dev_h100": "H100", "flux1-dev_l20": "L20, PCIe"}
"""Profiles that are always shown; the others are what was measured here."""
BATCHES = (1, 4)


def data(lab: Lab) -> Table:
    """Step time on one GPU over degree times step time, for the same batch; measured profiles as far as there are any."""
    profiles = {name: load_profile(name) for name in PUBLISHED}
    profiles |= {profile.name: profile for profile in measured_profiles()}
    rows: list[dict[str, Value]] = []
    for name, profile in profiles.items():
        for batch in BATCHES:
            for shape, degree, efficiency, provenance in scaling(profile, batch):
                if name in PUBLISHED and shown(shape.label) not in SHAPES:
                    continue
                about: dict[str, Value] = {"profile": name, "shape": shown(shape.label), "batch": batch}
                rows.append({**about, "degree": degree, "efficiency": efficiency, "provenance": provenance})
    return Table.of(rows)


def draw(table: Table) -> Drawing:
    """Draw a row of panels per profile, one for each batch."""
    names = table.names("profile")
    degrees = sorted(set(table.numbers("degree")))
    figure, axes = panels(len(names), 2, 0.5 + 1.65 * len(names), sharex=True, sharey=True)
    for row, name in zip(axes, names, strict=True):
        title = f"{PUBLISHED[name]}, " if name in PUBLISHED else titled(name) + ",\n"
        for axis, batch in zip(row, BATCHES, strict=True):
            labelled = batch == max(table.where(profile=name).numbers("batch"))
            draw_curves(axis, table.where(profile=name, batch=batch), degrees, "efficiency", (0, 1.05), labelled)
            axis.set_title(f"{title}batch {batch}", fontsize=7)
            if not axis.lines:
                axis.text(0.5, 0.5, "not known", transform=axis.transAxes, ha="center", fontsize=7, color=SOFT)
        row[0].set_ylabel("scaling efficiency")
    for axis in axes[-1]:
        axis.set_xlabel("GPUs")
    provenance_key(figure, table.names("provenance"))
    return figure


def describe(table: Table) -> str:
    """Say how efficiency falls with small images and many GPUs, and how the points are known."""
    h100 = table.where(profile="flux1-dev_h100", degree=8)
    small, large = (h100.number("efficiency", shape=shape, batch=1) for shape in ("256", "2048"))
    batched = h100.number("efficiency", shape="256", batch=4)
    text = (
        f"On eight H100 a 256 image uses {100 * small:.0f} % of what it holds, a 2048 image {100 * large:.0f} %; "
        f"with batches of four the 256 image uses {100 * batched:.0f} %."
    )
    for name in table.names("profile"):
        counts = Counter(table.where(profile=name).texts("provenance"))
        listed = ", ".join(f"{count} {provenance}" for provenance, count in counts.most_common())
        text += f" Points of {PUBLISHED.get(name, name)}: {listed}."
    return text


FIGURE = Figure("Scaling efficiency by resolution, degree and batch", data, draw, describe)
