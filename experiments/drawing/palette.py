"""What all pictures share: one colour and one mark for each policy and solver everywhere; inks; rows with names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, SOFT, GRID = "#222222", "#666666", "#e3e3e3"

POLICIES = {
    "lookahead": ("#D55E00", "D"), "cpsat": ("#882255", "*"), "moore": ("#332288", "s"), "edf": ("#009E73", "P"),
    "srtf": ("#44AA99", "^"), "greedy-events": ("#999933", "X"), "tetriserve": ("#0072B2", "o"),
    "tetriserve-tuned": ("#8c613c", "d"), "rssp": ("#E69F00", "v"), "fixed-1": ("#b8b8b8", "o"),
    "fixed-2": ("#9a9a9a", "s"), "fixed-4": ("#787878", "^"), "fixed-8": ("#4d4d4d", "D"),
    "assignment": ("#CC79A7", "s"), "exact rounds": ("#56B4E9", "X"),
}  # fmt: skip
"""Colour and mark of every shipped policy: told apart by colour-blind readers (after Okabe, Ito and Tol), and by marks."""
SOLVERS = {
    "cpsat": POLICIES["cpsat"], "highs": POLICIES["lookahead"], "scip": ("#88CCEE", "^"), "cbc": ("#661100", "v"),
    "pulp-highs": ("#DDCC77", "P"),
}  # fmt: skip
"""Solvers of programs, where they stand for themselves; *lookahead* is solved by HiGHS."""
MET, MISSED = "#2e7d32", "#c1121f"
"""Of deadlines."""
BOUND = "#000000"
"""A bound that no policy passes."""
AHEAD, EVEN, BEHIND = "#0072B2", "#787878", "#D55E00"
"""A difference that is a gain, none beyond noise, or a loss (after Okabe and Ito)."""
OTHERS = (
    ("#1b4d3e", "o"), ("#b8b000", "D"), ("#4b0082", "s"), ("#00868b", "P"), ("#cd5b45", "^"), ("#556b2f", "v"),
)  # fmt: skip
"""For policies of a user's own, in their order."""


def colour_of(policy: str, names: Sequence[str] = ()) -> str:
    """Return the colour of a policy or a solver; ``names`` are all in the picture, for those that are not shipped."""
    return _look(policy, names)[0]


def mark_of(policy: str, names: Sequence[str] = ()) -> str:
    """Return the mark of a policy or a solver; as :func:`colour_of`."""
    return _look(policy, names)[1]


def _look(policy: str, names: Sequence[str]) -> tuple[str, str]:
    known = POLICIES | SOLVERS
    if policy in known:
        return known[policy]
    others = [name for name in names if name not in known]
    return OTHERS[others.index(policy) % len(OTHERS) if policy in others else 0]


def fan(index: int, count: int, height: float) -> float:
    """Return how far from the middle of its row one of several marks stands, in rows."""
    return height * (index / (count - 1) - 0.5) if count > 1 else 0.0


def style(axes: Axes, names: Sequence[str]) -> None:
    """Give axes a row per name, from above, and a grid of values."""
    axes.set_yticks(range(len(names)), list(names))
    axes.set_ylim(len(names) - 0.45, -0.55)
    axes.grid(axis="x", color=GRID)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(length=0, labelsize=9)
