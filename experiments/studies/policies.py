"""The policies that tables and pictures compare, each declared once: a name, what makes it, and what it is.

Rules stand with their best settings, found by ``python -m experiments.tune`` on seeds that no table uses
(``docs/tables/tuning``); a policy that is to be a paper's, as that paper has it, stands as it is there.
"""

from __future__ import annotations

from experiments.studies.grid import Policy

POLICIES: tuple[Policy, ...] = (
    Policy("lookahead", ("solver=highs",), what="the lookahead program, on HiGHS"),
    Policy("cpsat", ("solver=cpsat",), what="the lookahead program, on CP-SAT"),
    Policy("moore", ("solver=moore",), True, "admission by weight per GPU-second while a list schedule stays in time"),
    Policy(
        "edf",
        ("solver=edf", "solver.admission=true", "solver.late=brief"),
        True,
        "earliest deadline first, with admission",
    ),
    Policy(
        "srtf",
        ("solver=srtf", "solver.elastic=true", "solver.admission=true", "solver.late=brief"),
        True,
        "shortest remaining time first, with admission",
    ),
    Policy(
        "greedy-events",
        ("solver=dp", "cadence=events", "cadence.tau=0.2", "solver.late=brief"),
        True,
        "the greedy program of TetriServe, planned at events",
    ),
    Policy(
        "tetriserve-tuned",
        ("solver=dp", "solver.waiting=false", "solver.allocation=false"),
        True,
        "TetriServe's greedy rounds, at their best settings",
    ),
    Policy("tetriserve", ("solver=dp",), what="TetriServe's greedy rounds, as in its paper"),
    Policy("rssp", ("solver=rssp",), what="one degree per resolution, first come first served"),
    *(
        Policy(f"fixed-{degree}", ("solver=fixed", f"solver.degree={degree}"), what=f"{degree} GPUs for every request")
        for degree in (1, 2, 4, 8)
    ),
)
"""Every shipped policy."""

PLANNER = "lookahead"
TUNED = "tetriserve-tuned"
ROUNDS = ("tetriserve", TUNED)
"""Those that plan in rounds."""
EVENTS = "greedy-events"
"""What plans as :data:`TUNED` does, but at events."""


def policy(name: str) -> Policy:
    """Return a declared policy.

    Raises
    ------
    ValueError
        With the names that there are.
    """
    for declared in POLICIES:
        if declared.name == name:
            return declared
    raise ValueError(f"there is no policy {name!r}; the policies are {', '.join(p.name for p in POLICIES)}")
