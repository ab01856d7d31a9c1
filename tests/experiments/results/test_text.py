"""Tables of text."""

from __future__ import annotations

import pytest

from experiments.results.text import markdown, print_table

TABLE = [["policy", "SAR"], ["a", "0.5"], ["a-longer-name-than-the-head", "0.75"]]


def test_a_bar_in_a_name_ends_no_cell() -> None:
    """Tests that names of policies and cells may hold what Markdown takes for the end of a cell."""
    assert markdown([["cell", "a|b"], ["x|y", "1"]]).splitlines()[::2] == ["| cell | a\\|b |", "| x\\|y |    1 |"]


def test_markdown_aligns_columns() -> None:
    """Every line of the Markdown table has the same width, and numbers stand to the right."""
    lines = markdown(TABLE).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[1].endswith(":|") and lines[2].endswith(" 0.5 |")


def test_nothing_is_cut_off_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """A table wider than 80 columns is printed whole where the output is no terminal."""
    wide = [[f"column-number-{i}" for i in range(12)], [f"value-number-{i}" for i in range(12)]]
    print_table(wide)
    out = capsys.readouterr().out
    assert all(text in out for row in wide for text in row)
