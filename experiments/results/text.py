"""Tables of text: as Markdown for documents, on the terminal for people."""

from __future__ import annotations

from collections.abc import Sequence

Table = list[list[str]]
"""Rows of equal length; the first is the head, the first column the name of the row."""


def markdown(table: Sequence[Sequence[str]]) -> str:
    """Format a table as Markdown, numbers to the right; a bar within a cell ends none."""
    table = [[text.replace("|", "\\|") for text in row] for row in table]
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]

    def line(row: Sequence[str]) -> str:
        cells = (
            text.rjust(width) if i else text.ljust(width)
            for i, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        return "| " + " | ".join(cells) + " |"

    rule = "|" + "|".join("-" * (width + 1) + (":" if i else "-") for i, width in enumerate(widths)) + "|"
    return "\n".join([line(table[0]), rule, *map(line, table[1:])]) + "\n"


def print_table(table: Sequence[Sequence[str]], title: str = "") -> None:
    """Print a table in full width, also where the output is no terminal."""
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable

    made = RichTable(box=box.SIMPLE, title=title or None, title_justify="left")
    for i, name in enumerate(table[0]):
        made.add_column(name, justify="right" if i else "left", no_wrap=True)
    for row in table[1:]:
        made.add_row(*row)
    needed = sum(max(len(row[i]) for row in table) + 3 for i in range(len(table[0]))) + 2
    Console(width=max(Console().width, needed)).print(made)
