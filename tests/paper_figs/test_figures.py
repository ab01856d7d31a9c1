"""Figures are drawn from their tables alone, and hold what the tables say."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from matplotlib.text import Text

from paper_figs.__main__ import RESULTS
from paper_figs.figure import figure_names, load_figure
from paper_figs.policies import BY_NAME
from paper_figs.style import save, styled
from paper_figs.table import Table

COMMITTED = [name for name in figure_names() if (RESULTS / f"{name}.csv").exists()]


def test_results_are_committed() -> None:
    """The repository holds the data and the pictures of every figure, and together they are small."""
    assert figure_names() == COMMITTED
    files = [path for path in RESULTS.iterdir() if path.suffix in (".csv", ".png", ".pdf", ".json")]
    assert sum(path.stat().st_size for path in files) < 20e6
    for name in COMMITTED:
        assert (RESULTS / f"{name}.png").exists()
        assert (RESULTS / f"{name}.pdf").exists()


@pytest.mark.parametrize("name", COMMITTED)
def test_redraws_from_its_table(name: str, tmp_path: Path) -> None:
    """Every figure draws and describes itself from the CSV file alone."""
    table = Table.read(RESULTS / f"{name}.csv")
    figure = load_figure(name)
    with styled():
        save(figure.draw(table), tmp_path / name)
    assert (tmp_path / f"{name}.png").stat().st_size > 5000
    text = figure.describe(table)
    assert text.endswith(".")
    assert "nan" not in text
    for comparison in figure.compare(table):
        assert comparison.here == comparison.here


def test_drawing_holds_the_data() -> None:
    """Figure 7, redrawn: a line per policy at exactly the points of the table, in its colour, labelled at its end."""
    table = Table.read(RESULTS / "fig07.csv")
    with styled():
        figure = load_figure("fig07").draw(table)
        axes = figure.get_axes()[0]
        drawn = {line.get_gid(): line for line in axes.get_lines() if line.get_gid()}
        policies = [name for name in table.names("policy") if name in BY_NAME]
        assert set(drawn) == set(policies)
        labels = {text.get_text() for text in axes.texts}
        for name in policies:
            rows = table.where(policy=name, shape="all")
            assert list(drawn[name].get_xdata()) == rows.numbers("scale")
            assert list(drawn[name].get_ydata()) == rows.numbers("sar")
            assert drawn[name].get_color() == BY_NAME[name].colour
            assert BY_NAME[name].label in labels
        assert axes.get_xlabel() == "deadline scale"


@pytest.mark.parametrize(
    "name",
    [
        "fig04",
        "fig07",
        "fig08",
        "fig12",
        "fig13",
        "fig14",
        "fig15",
        "gap",
        "cadence",
        "causes",
        "fairness",
        "hardware",
        "pareto",
        "sensitivity",
    ],
)
def test_every_comparison_shows_spread(name: str) -> None:
    """Every simulated number stands beside half the width of its interval, over at least ten seeds."""
    table = Table.read(RESULTS / f"{name}.csv").filter(lambda row: row["policy"] in BY_NAME)
    assert min(table.numbers("seeds")) >= 10
    assert all(half >= 0 for half in table.numbers("sar_half"))


@pytest.mark.parametrize("name", COMMITTED)
def test_nothing_is_written_outside_the_picture(name: str) -> None:
    """No label of an axis, title or legend is cut off at the edge, and no text is smaller than 5.5 points."""
    table = Table.read(RESULTS / f"{name}.csv")
    with styled():
        figure = load_figure(name).draw(table)
        figure.canvas.draw()
        whole = figure.bbox
        ticks = {id(t) for a in figure.get_axes() for axis in (a.xaxis, a.yaxis) for t in axis.findobj(Text)}
        ticks -= {id(label) for a in figure.get_axes() for label in (a.xaxis.label, a.yaxis.label)}
        texts = [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip() and id(t) not in ticks]
        assert min(text.get_fontsize() for text in texts) >= 5.5
        for text in texts:
            box = text.get_window_extent()
            assert box.x0 >= whole.x0 - 2 and box.x1 <= whole.x1 + 2, f"{text.get_text()!r} is cut off"
            assert box.y0 >= whole.y0 - 2 and box.y1 <= whole.y1 + 2, f"{text.get_text()!r} is cut off"
        plt.close(figure)
