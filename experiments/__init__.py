"""Ask a question: workloads, runs, comparisons, results.

>>> import experiments
>>> run = experiments.simulate("solver=edf", "workload.requests=20")
>>> run.summary.requests
20
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from experiments.runner import Outcome
    from planner.solvers.protocol import Solver

__all__ = ["simulate"]


def simulate(*overrides: str, solver: Solver | None = None) -> Outcome:
    """Serve a workload on a simulated cluster, in memory.

    Parameters
    ----------
    overrides
        As on the command line of ``experiments.run``: ``"workload=skewed"``, ``"seed=3"``.
    solver
        Who plans, as an object, in place of the configured one.

    Returns
    -------
    Outcome
        ``records``, all that happened, and ``summary``, its key figures (docs/metrics.md).

    Raises
    ------
    ValueError
        If something is wrong; the message names the field, its value and what would be right.
    """
    from dataclasses import replace

    from experiments.cli import compose
    from experiments.config.build import build
    from experiments.results import summarize
    from experiments.runner import Outcome, simulate

    setup = build(compose(overrides))
    if solver is not None:
        setup = replace(setup, service=replace(setup.service, solver=solver))
    records = simulate(setup)
    return Outcome(records, summarize(records, setup.service.cluster))
