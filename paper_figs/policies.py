"""The policies of the figures: how each is configured, what it is called, and its colour and mark everywhere.

What a policy does is declared in :mod:`experiments.studies.policies`; here is how it looks.
"""

from __future__ import annotations

from dataclasses import dataclass

from experiments.drawing.palette import BOUND as LIMIT
from experiments.drawing.palette import POLICIES as LOOKS
from experiments.studies.policies import policy

PROFILE = "flux1-dev_h100_256tokens"
"""Step times of the figures, where they do not say otherwise: the text length that the paper's Table 1 implies."""


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


SP1 = Policy("fixed-1", "SP=1", policy("fixed-1").overrides, *LOOKS["fixed-1"], ":")
SP2 = Policy("fixed-2", "SP=2", policy("fixed-2").overrides, *LOOKS["fixed-2"], ":")
SP4 = Policy("fixed-4", "SP=4", policy("fixed-4").overrides, *LOOKS["fixed-4"], ":")
SP8 = Policy("fixed-8", "SP=8", policy("fixed-8").overrides, *LOOKS["fixed-8"], ":")
RSSP = Policy("rssp", "RSSP", policy("rssp").overrides, *LOOKS["rssp"], "--")
EDF = Policy("edf", "EDF", policy("edf").overrides, *LOOKS["edf"], "-.")
DP = Policy("dp", "TetriServe", policy("tetriserve").overrides, *LOOKS["tetriserve"])
TUNED = Policy("tuned", "tuned rounds", policy("tetriserve-tuned").overrides, *LOOKS["tetriserve-tuned"], "-.")
_ASSIGNMENT = ("solver=highs", "solver.budget_ms=1000.0", "program=assignment", "objective=survivors")
ROUND = Policy("round", "round program", (*_ASSIGNMENT, "cadence=events"), *LOOKS["assignment"])
GRID = Policy("grid", "exact rounds", (*_ASSIGNMENT, "cadence=rounds"), *LOOKS["exact rounds"])
_LOOKAHEAD = ("solver=highs", "program=lookahead", "objective=on_time", "cadence=events")
LOOKAHEAD = Policy("lookahead", "lookahead", _LOOKAHEAD, *LOOKS["lookahead"])
BOUND = Policy("bound", "clairvoyant bound", (), LIMIT, "_", "--")

PAPER: tuple[Policy, ...] = (SP1, SP2, SP4, SP8, RSSP, DP)
"""The paper's own: its baselines and its system."""

RIVALS: tuple[Policy, ...] = (*PAPER, TUNED)
"""These, and greedy rounds at their best settings."""

EXACT: tuple[Policy, ...] = (LOOKAHEAD,)
"""What this project adds to a figure of the paper: its strongest policy."""

ALL: tuple[Policy, ...] = (*RIVALS, EDF, GRID, ROUND, LOOKAHEAD, BOUND)

BY_NAME = {policy.name: policy for policy in ALL}
