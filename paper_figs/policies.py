"""The policies of the figures: how each is configured, what it is called, and its colour and mark everywhere."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Policy:
    """A way to serve requests, and how it looks.

    Parameters
    ----------
    name
        In tables.
    label
        In pictures.
    overrides
        As on the command line of ``experiments.run``.
    colour, marker, line
        In pictures; colours are distinct also for colour-blind readers, and no two policies share colour and marker.
    """

    name: str
    label: str
    overrides: tuple[str, ...]
    colour: str
    marker: str
    line: str = "-"


SP1 = Policy("fixed-1", "SP=1", ("solver=fixed", "solver.degree=1"), "#b8b8b8", "o", ":")
SP2 = Policy("fixed-2", "SP=2", ("solver=fixed", "solver.degree=2"), "#9a9a9a", "s", ":")
SP4 = Policy("fixed-4", "SP=4", ("solver=fixed", "solver.degree=4"), "#787878", "^", ":")
SP8 = Policy("fixed-8", "SP=8", ("solver=fixed", "solver.degree=8"), "#4d4d4d", "D", ":")
RSSP = Policy("rssp", "RSSP", ("solver=rssp",), "#E69F00", "v", "--")
EDF = Policy("edf", "EDF", ("solver=edf",), "#009E73", "P", "-.")
DP = Policy("dp", "TetriServe", ("solver=dp",), "#0072B2", "o")
_ASSIGNMENT = ("solver=highs", "solver.budget_ms=1000.0", "program=assignment", "objective=survivors")
ROUND = Policy("round", "round program", (*_ASSIGNMENT, "cadence=events"), "#CC79A7", "s")
GRID = Policy("grid", "exact rounds", (*_ASSIGNMENT, "cadence=rounds"), "#56B4E9", "X")
_LOOKAHEAD = ("solver=highs", "program=lookahead", "objective=on_time", "cadence=events")
LOOKAHEAD = Policy("lookahead", "lookahead", _LOOKAHEAD, "#D55E00", "D")
BOUND = Policy("bound", "clairvoyant bound", (), "#000000", "_", "--")

PAPER: tuple[Policy, ...] = (SP1, SP2, SP4, SP8, RSSP, DP)
"""The paper's own: its baselines and its system."""

EXACT: tuple[Policy, ...] = (LOOKAHEAD,)
"""What this project adds to a figure of the paper: its strongest policy."""

ALL: tuple[Policy, ...] = (*PAPER, EDF, GRID, ROUND, LOOKAHEAD, BOUND)

BY_NAME = {policy.name: policy for policy in ALL}
