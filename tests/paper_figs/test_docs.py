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


def test_paper_versus_here_is_complete() -> None:
    """Every comparison of every figure has a row with the number of the CSV; large differences have a reason."""
    rows = [line.split(" | ") for line in PAGE.read_text().splitlines() if line.startswith(("| Figure", "| Table"))]
    comparisons = [c for name in figure_names() for c in load_figure(name).compare(Table.read(RESULTS / f"{name}.csv"))]
    assert len(rows) == len(comparisons) > 50
    for row, comparison in zip(rows, comparisons, strict=True):
        assert comparison.what in row[0]
        paper, here = (float(re.sub(r"[^\d.-]", "", cell)) for cell in row[1:3])
        assert abs(paper - comparison.paper) < 0.006
        assert abs(here - comparison.here) < 0.006
        if comparison.unit == "SAR" and abs(comparison.here - comparison.paper) > LARGE:
            assert len(row[4]) > 20
