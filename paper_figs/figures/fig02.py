"""Figure 2: share of a step that is communication, by resolution and degree.

On H100 from the profile's step-time model; on hardware that was measured here, all that is not arithmetic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paper_figs.charts import draw_curves
from paper_figs.figure import Comparison, Figure
from paper_figs.figures._sweeps import SHAPES
from paper_figs.lab import Lab
from paper_figs.measured import measured_profiles, scaling
from paper_figs.style import panels, provenance_key, shown, titled
from paper_figs.table import Table, Value
from profiles import Shape, load_profile
from profiles.model import Constants
from profiles.recipes import find_recipe

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

MODEL = "flux1-dev_h100"
DEGREES = (1, 2, 4, 8)
LARGEST = (4096,)
"""Pixels of images that the paper times, but that the profile lacks; only their step time is in the table."""
PAPER_MINUTES = {"2048": 1.0, "4096": 10.0}
"""Minutes of 50 steps on one H100: up to one, and over ten."""


def data(lab: Lab) -> Table:
    """Take a step apart with the constants that the profile was made with."""
    profile, recipe = load_profile(MODEL), find_recipe(MODEL)
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
                    "profile": MODEL,
                    "shape": edge,
                    "degree": degree,
                    "step_ms": 1e3 * entry.seconds,
                    "sync_ms": 1e3 * sync,
                    "traffic_ms": 1e3 * traffic,
                    "share": (sync + traffic) / entry.seconds,
                    "provenance": entry.provenance,
                }
            )
    for pixels in LARGEST:
        seconds = constants.step_time(recipe.architecture, Shape(pixels, pixels), 1)
        rows.append({"profile": "model alone", "shape": pixels, "degree": 1, "step_ms": 1e3 * seconds})
    for measured in measured_profiles():
        for shape, degree, efficiency, provenance in scaling(measured):
            about: dict[str, Value] = {"profile": measured.name, "shape": shown(shape.label), "degree": degree}
            rows.append({**about, "share": 1 - efficiency, "provenance": provenance})
    return Table.of(rows)


def draw(table: Table) -> Drawing:
    """Draw a panel per profile, with a line per resolution."""
    table = table.filter(lambda row: row["share"] is not None)
    names = table.names("profile")
    degrees = sorted(set(table.numbers("degree")))
    figure, axes = panels(len(names), 1, 0.5 + 1.9 * len(names), sharex=True)
    for axis, name in zip(axes[:, 0], names, strict=True):
        rows = table.where(profile=name)
        draw_curves(axis, rows, degrees, "share", (-0.02, max(0.65, 1.1 * max(rows.numbers("share")))))
        axis.set_ylabel("communication, share of a step" if name == MODEL else "all but arithmetic, share")
        if len(names) > 1:
            axis.set_title(titled(name))
    axes[-1, 0].set_xlabel("GPUs")
    provenance_key(figure, table.names("provenance"))
    return figure


def describe(table: Table) -> str:
    """Say how the share changes, and how the step times are known."""
    model = table.where(profile=MODEL)
    small, large = (model.number("share", shape=shape, degree=8) for shape in ("256", "2048"))
    published = sum(text == "published" for text in model.texts("provenance"))
    text = (
        f"On 8 H100, synchronization and traffic take {100 * small:.0f} % of a step at 256 and {100 * large:.0f} % at "
        f"2048: {'small' if small > large else 'large'} images pay for parallelism. {published} of the {len(model)} step "
        "times are published, the others come from the model that meets these; so does the split into arithmetic and "
        "communication."
    )
    for name in table.filter(lambda row: row["share"] is not None).names("profile")[1:]:
        rows = table.where(profile=name)
        most = max(rows.numbers("degree"))
        shares = rows.where(degree=most).numbers("share")
        text += (
            f" On {name}, {100 * min(shares):.0f} to {100 * max(shares):.0f} % of a step at degree {most:g} is not "
            "arithmetic, by its time against that on one (1 - T(1) / (k T(k)))."
        )
    return text


def compare(table: Table) -> list[Comparison]:
    """Compare the times of large images on one GPU."""
    found = []
    for edge, minutes in PAPER_MINUTES.items():
        rows = table.filter(lambda row, edge=edge: str(row["shape"]) == edge and row["step_ms"] is not None)  # type: ignore[misc]
        here = 50 * rows.number("step_ms", degree=1) / 1000
        about = "up to" if minutes == 1 else "over"
        found.append(Comparison(f"{edge} image, 50 steps, one H100 (paper: {about})", 60 * minutes, here, "s"))
    return found


FIGURE = Figure("Communication share of a step by resolution and degree", data, draw, describe, compare)
