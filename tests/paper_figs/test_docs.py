"""The page of results: written from the data, and in step with them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from paper_figs.__main__ import RESULTS
from paper_figs.docs import LARGE, PAGE, main, page
from paper_figs.figure import figure_names, load_figure
from paper_figs.table import Table


def test_page_is_what_the_results_make() -> None:
    """Every number of docs/figures.md is computed from the committed CSV files."""
    assert main(["--check"]) == 0


def test_page_follows_the_data(tmp_path: Path) -> None:
    """When a number in a CSV file changes, the page does, and --check says so."""
    results = tmp_path / "results"
    shutil.copytree(RESULTS, results, ignore=shutil.ignore_patterns("*.png", "*.pdf", "*.svg"))
    written = tmp_path / "figures.md"
    assert main(["--results", str(results), "--output", str(written)]) == 0
    table = Table.read(results / "table5.csv")
    changed = Table.of({**row, "sar": float(str(row["sar"])) / 2} for row in table.records())
    changed.write(results / "table5.csv")
    assert page(results, written) != written.read_text()
    assert main(["--results", str(results), "--output", str(written), "--check"]) == 1


PRINTED: dict[str, list[float]] = {
    "fig02": [60.0, 600.0],
    "fig07": [0.74, 0.76, 0.65, 0.83, 0.69, 0.91, 0.80, 0.95, 10.0, 32.0],
    "fig08": [15.0, 32.0],
    "table1": [0.13, 0.31, 0.67, 0.62, 0.06, 0.15, 0.14, 0.53, 0.07, 0.12, 0.04, 0.09, 0.05, 0.11, 0.14, 0.28],
    "table3": [0.32, 0.42, 0.77, 0.88, 0.04, 0.19, 0.53, 0.75],
    "table4": [0.01, 0.05],
    "table5": [
        *(0.54, 4.45, 0.56, 3.96, 0.63, 3.89, 0.74, 4.81, 0.69, 5.14, 0.78, 4.83),
        *(0.27, 8.43, 0.31, 7.64, 0.36, 7.68, 0.38, 9.92, 0.45, 8.16, 0.55, 7.71),
    ],
    "table6": [0.01, 0.27, 52.6, 60.0, 0.02, 11.1, 60.0, 60.0, 0.01],
}
"""Every result that the paper prints as a number."""


def test_every_number_of_the_paper_is_compared() -> None:
    """What the figures compare is exactly what the paper prints, in its order."""
    for name in figure_names():
        found = [c.paper for c in load_figure(name).compare(Table.read(RESULTS / f"{name}.csv"))]
        assert found == PRINTED.get(name, []), name


def test_paper_versus_here_is_complete() -> None:
    """Every comparison of every figure has a row with the number of the CSV; large differences have a reason."""
    rows = [
        line.split(" | ")
        for line in PAGE.read_text().partition("## Trends")[0].splitlines()
        if line.startswith(("| Figure", "| Table"))
    ]
    comparisons = [c for name in figure_names() for c in load_figure(name).compare(Table.read(RESULTS / f"{name}.csv"))]
    assert len(rows) == len(comparisons) > 50
    for row, comparison in zip(rows, comparisons, strict=True):
        assert comparison.what in row[0]
        paper, here = (float(re.sub(r"[^\d.-]", "", cell)) for cell in row[1:3])
        assert abs(paper - comparison.paper) < 0.006
        assert abs(here - comparison.here) < 0.006
        if comparison.unit == "SAR" and abs(comparison.here - comparison.paper) > LARGE:
            assert len(row[4]) > 20
