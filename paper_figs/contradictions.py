"""Where the paper contradicts itself, so that no profile can match all that it prints.

Numbers as printed in the paper and on its authors' project page; they bound how close any reproduction can come.
"""

from __future__ import annotations

from typing import NamedTuple

from paper_figs.figures.fig07 import PAPER_BEST_FIXED, PAPER_TETRISERVE


class Contradiction(NamedTuple):
    """What is printed in different places, and why they cannot all be right."""

    about: str
    printed: str
    why: str


CONTRADICTIONS = (
    Contradiction(
        "TetriServe, uniform mix, scale 1.0, 12 per minute",
        f"{PAPER_TETRISERVE[1.0]:.2f} (figure 7), .63 (Table 5), .42 (Table 3)",
        "one setting, three numbers; a run of 300 requests has a standard deviation of .02 to .035",
    ),
    Contradiction(
        "best fixed degree, uniform mix, scale 1.0",
        f"at most .6 (section 2.3), {PAPER_BEST_FIXED[1.0]:.2f} (figure 7)",
        "one setting, two numbers",
    ),
    Contradiction(
        "best fixed degree as deadlines loosen, figure 7",
        f"{PAPER_BEST_FIXED[1.0]:.2f} at 1.0, {PAPER_BEST_FIXED[1.1]:.2f} at 1.1, {PAPER_BEST_FIXED[1.2]:.2f} at 1.2",
        "first come, first served does not see deadlines: on one load, looser ones cannot cost it any",
    ),
    Contradiction(
        "an image of 2048 x 2048 on 8 GPUs",
        "5.3 to 5.7 s (figure 7), 7 to 8 s (Tables 3 and 5)",
        "the tables look like a slower system than the figure",
    ),
)


def table() -> str:
    """Return the table of the page."""
    lines = [
        "## Where the paper contradicts itself",
        "",
        "| about | printed | why not all of it can be |",
        "|---|---|---|",
    ]
    return "\n".join([*lines, *(f"| {c.about} | {c.printed} | {c.why} |" for c in CONTRADICTIONS)]) + "\n"
