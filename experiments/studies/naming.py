"""How policies, cells, axes and the grid are given on a command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from experiments.cli import refuse_twice
from experiments.studies.grid import PAPER_GRID, Cell, Policy, cells
from experiments.studies.options import USELESS, refuse
from experiments.studies.policies import POLICIES, policy


def policy_of(text: str) -> Policy:
    """Read NAME, one that is declared, or NAME:OVERRIDES, or OVERRIDES alone.

    A simple rule that is set otherwise under its own name, as in ``edf:solver=edf solver.late=never``, is a simple rule.

    Raises
    ------
    ValueError
        If it is none of these; the message has an example.
    """
    name, colon, overrides = text.partition(":")
    if not colon and "=" not in text:
        return _declared(text)
    if not colon:
        name, overrides = text, text
    if "=" not in overrides:
        raise ValueError(
            f"--policy {text!r}: give overrides of experiments.run, for example 'sp4:solver=fixed solver.degree=4'"
        )
    name = name.strip()
    if not name:
        raise ValueError(f"--policy {text!r}: give it a name, for example 'sp4:{overrides}'")
    return Policy(name, _words(overrides), any(known.name == name and known.simple for known in POLICIES))


def _declared(name: str) -> Policy:
    try:
        return policy(name.strip())
    except ValueError as error:
        raise ValueError(f"--policy: {error}; or give NAME:OVERRIDES, for example 'sp4:solver=fixed'") from None


def cell_of(text: str, common: Sequence[str]) -> Cell:
    """Read NAME:OVERRIDES, with overrides that all cells share.

    Raises
    ------
    ValueError
        If it is anything else.
    """
    name, colon, overrides = text.partition(":")
    if not colon:
        raise ValueError(f"--cell {text!r}: give NAME:OVERRIDES, for example 'bursty:workload=gamma workload.rate=12'")
    if not name.strip():
        raise ValueError(f"--cell {text!r}: give it a name, for example 'mine:{overrides}'")
    return Cell(name.strip(), (*common, *_words(overrides)))


def _words(text: str) -> tuple[str, ...]:
    """Read overrides of which each has an effect."""
    words = tuple(text.split())
    refuse_twice(words)
    refuse(words, USELESS)
    return words


def axis_of(text: str) -> list[str]:
    """Read KEY=VALUE,VALUE,... as overrides.

    Raises
    ------
    ValueError
        If it is anything else.
    """
    key, equals, values = text.partition("=")
    if not equals or not values:
        raise ValueError(f"--sweep {text!r}: give KEY=VALUE,VALUE,..., for example workload.rate=6,12,18")
    refuse([f"{key}="], USELESS)
    axis = [f"{key}={value}" for value in values.split(",")]
    if len(set(axis)) < len(axis):
        raise ValueError(f"--sweep {text!r} has a value twice; once is right")
    return axis


def add_grid(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which cells there are."""
    parser.add_argument("--grid", action="store_true", help="the paper's grid: 2 mixes x 2 rates x 4 deadline scales")
    parser.add_argument(
        "--cell", action="append", default=[], help="NAME:OVERRIDES, a cell of a grid of your own; repeat it"
    )


def grid_of(options: argparse.Namespace, sweeps: Sequence[Sequence[str]] = ()) -> list[Cell]:
    """Return the cells that are named, or those of the paper's grid and of sweeps, or the one of the overrides.

    Raises
    ------
    ValueError
        If cells are named and there is another grid.
    """
    axes = [*(PAPER_GRID if options.grid else ()), *sweeps]
    if options.cell and axes:
        raise ValueError("--cell makes the grid by itself; leave out --grid and --sweep")
    return [cell_of(text, options.overrides) for text in options.cell] or cells(axes, options.overrides)
