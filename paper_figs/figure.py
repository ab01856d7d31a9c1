"""What a figure is: a module of :mod:`paper_figs.figures` with a constant ``FIGURE``."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from paper_figs.lab import Lab
from paper_figs.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing


@dataclass(frozen=True)
class Comparison:
    """A number that the paper prints, and the same here.

    Parameters
    ----------
    what
        Which number.
    paper, here
        Both in the same unit.
    unit
        ``SAR``, ``s``, ``%``.
    """

    what: str
    paper: float
    here: float
    unit: str = "SAR"


def _nothing(table: Table) -> list[Comparison]:
    return []


@dataclass(frozen=True)
class Figure:
    """A figure or a table.

    Parameters
    ----------
    title
        One line.
    data
        Computes the table that the figure shows, which becomes its CSV file.
    draw
        Draws the figure from the table alone.
    describe
        Says in two or three sentences what the table shows; numbers are taken from the table.
    compare
        Numbers that the paper prints, beside ours.
    """

    title: str
    data: Callable[[Lab], Table]
    draw: Callable[[Table], Drawing]
    describe: Callable[[Table], str]
    compare: Callable[[Table], list[Comparison]] = _nothing


def figure_names() -> list[str]:
    """Return the names of all figures: the paper's figures, its tables, then ours."""
    from paper_figs import figures

    names = [module.name for module in pkgutil.iter_modules(figures.__path__) if not module.name.startswith("_")]
    return sorted(names, key=_order)


def load_figure(name: str) -> Figure:
    """Import the module of a figure.

    Raises
    ------
    TypeError
        If it has no ``FIGURE``.
    """
    figure = getattr(importlib.import_module(f"paper_figs.figures.{name}"), "FIGURE", None)
    if not isinstance(figure, Figure):
        raise TypeError(f"paper_figs/figures/{name}.py has no constant FIGURE of the class paper_figs.figure.Figure")
    return figure


def _order(name: str) -> tuple[int, int, str]:
    match = re.fullmatch(r"(fig|table)(\d+)", name)
    if match is None:
        return 2, 0, name
    return int(match[1] == "table"), int(match[2]), name
