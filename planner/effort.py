"""What work costs, by counts: how a budget in seconds becomes a number of nodes, iterations or program entries.

A clock makes a decision depend on what else the machine does, so no clock limits a search here. Every solver of programs
has a cost model instead, linear in the size of a program, which is known before it is built; its constants are CPU
seconds measured on one machine (``python -m experiments.budgets --calibrate`` measures them again). On a machine that is
twice as fast, a budget lasts half as long; equal rounds get equal answers on all machines.
"""

from __future__ import annotations

from dataclasses import dataclass

EMERGENCY, PATIENCE = 20.0, 5.0
"""Times the budget of a search, and seconds at least, after which a clock ends it where its counts should have."""


@dataclass(frozen=True, slots=True)
class Size:
    """At most how large a program is, known without building it.

    Parameters
    ----------
    variables, rows, nonzeros
        Of the program; nonzeros are the entries of its rows.
    mixed
        Whether some of its variables are continuous.
    build
        Seconds to build it.
    carry_out
        Seconds to make a plan of the answer, and to say what it is worth.
    """

    variables: int
    rows: int
    nonzeros: int
    mixed: bool
    build: float = 0.0
    carry_out: float = 0.0

    @property
    def entries(self) -> int:
        """Variables, rows and nonzeros: what the cost of work on a program goes with."""
        return self.variables + self.rows + self.nonzeros


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds that a piece of work on a program takes: ``fixed + per_entry * entries``."""

    fixed: float
    per_entry: float

    def __call__(self, entries: int) -> float:
        """Return the seconds for a program with so many entries."""
        return self.fixed + self.per_entry * entries


LIST_START = Cost(1.0e-3, 0.85e-6)
"""The deadline-interval program and its start, a list schedule."""
OPTIONS = Cost(0.3e-3, 1.6e-6)
"""The assignment program."""
BATCH = 0.2e-3
"""An option of the assignment program that covers several jobs."""

HIGHS_LOAD = Cost(0.5e-3, 0.15e-6)
"""HiGHS takes a program."""
HIGHS_RUN = Cost(150e-6, 25e-9)
"""A relaxation, besides its simplex iterations."""
HIGHS_ITERATION = Cost(16e-6, 2.3e-9)
"""A simplex iteration."""
HIGHS_PRESOLVE = Cost(0.3e-3, 1.3e-6)
"""HiGHS' MIP solver up to its first check of limits."""
HIGHS_ROOT_CHECK = Cost(0.5e-3, 2.6e-6)
"""HiGHS' MIP solver from one check of limits to the next, at the root of a mixed program."""
HIGHS_PURE_ROOT_CHECK = Cost(2.0e-3, 0.5e-6)
"""The same where all variables are integers."""
HIGHS_NODE_CHECK = Cost(0.1e-3, 0.2e-6)
"""From one check to the next in the tree."""
HIGHS_MIP = Cost(5e-3, 80e-6)
"""HiGHS' MIP solver through the root of a mixed program, where nothing can end it before its first node."""
HIGHS_PURE_MIP = Cost(6e-3, 6e-6)
"""The same where all variables are integers."""
HIGHS_NODE = Cost(0.3e-3, 1.0e-6)
"""A node of it."""

CPSAT_LOAD = Cost(1.2e-3, 1.4e-6)
"""CP-SAT's model is made and taken."""
CPSAT_GRID = Cost(1.8e-3, 1.4e-6)
"""A mixed program is put on the grid and polished, besides the iterations of the polish."""
CPSAT_DETERMINISTIC = 0.08
"""Deterministic time of CP-SAT that passes in a second on programs of integers."""
CPSAT_GRID_DETERMINISTIC = 0.12
"""The same on grids."""

SCIP_ROOT = Cost(4.0e-3, 15.0e-6)
"""SCIP takes a mixed program, presolves it and solves the root."""
SCIP_PURE_ROOT = Cost(4.5e-3, 3.0e-6)
"""The same where all variables are integers."""
SCIP_NODE = Cost(0.5e-3, 1.7e-6)
"""A node of SCIP without cuts and heuristics."""
SCIP_CUTS = Cost(5e-3, 40e-6)
"""SCIP's cuts and heuristics at the root."""

CBC_START = Cost(10e-3, 7.0e-6)
"""PuLP writes the program, CBC starts, reads it and solves the root relaxation."""
CBC_NODE = Cost(0.5e-3, 2.0e-6)
"""A node of CBC."""
CBC_FEWEST = 30
"""Nodes that CBC, which takes no start from PuLP, must be allowed to find a point."""
CBC_CUTS = Cost(20e-3, 90e-6)
"""CBC's preprocessing, cuts and heuristics at the root."""

PRICES = Cost(50e-6, 30e-9)
"""An evaluation of the dual function for jobs of one kind, an entry being a job's segment of an interval."""
LISTING = 0.6e-6
"""A list schedule of an admission, for each of its jobs beside each of those that can run at a time."""
CARRY_OUT = Cost(0.5e-3, 6e-6)
"""A lookahead plan is made and judged where a program was solved, an entry being as in :data:`JUDGING`."""
JUDGING = 10e-6
"""A schedule that says what a plan is worth, for the same."""
PURCHASE = 12e-6
"""A job that buys GPU time from what is left."""


def emergency(budget: float) -> float:
    """Return the seconds on the clock after which a search is ended that its counts should have ended.

    They are never so few that another program beside it could make a search take that long.
    """
    return max(EMERGENCY * budget, PATIENCE)


def refusal(size: Size, least: Cost, budget: float) -> str:
    """Say in words why a program does not fit into a budget; empty if it does.

    Parameters
    ----------
    size
        Of the program.
    least
        The least work that brings an answer.
    budget
        Seconds.
    """
    needed = size.build + least(size.entries) + size.carry_out
    if needed <= budget:
        return ""
    return (
        f"the program has up to {size.variables} variables and {size.rows} rows, which take {1e3 * needed:.1f} ms "
        f"to make and to answer at all; a budget of {1e3 * budget:g} ms allows about "
        f"{int(size.variables * budget / needed)} variables"
    )


def highs_options(entries: int, pure: bool, budget: float) -> dict[str, float]:
    """Return HiGHS' options that keep a budget where its checks cannot be counted: no heuristics, so many nodes."""
    root = HIGHS_PURE_MIP if pure else HIGHS_MIP
    nodes = max(1, int((budget - root(entries)) / HIGHS_NODE(entries)))
    return {"mip_heuristic_effort": 0.0, "mip_max_nodes": min(nodes, 2**31 - 1)}
