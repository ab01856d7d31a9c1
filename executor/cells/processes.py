"""Cells planned in processes of this machine (joblib keeps them between decisions)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from executor.cells.packing import pack_work, plan_packed, unpack_plans
from planner.errors import whole
from planner.plan import Plan
from planner.round import Round
from planner.solvers.protocol import Solver


@dataclass(frozen=True)
class InProcesses:
    """Plans rounds side by side.

    Parameters
    ----------
    workers
        Processes; 0: one for each core that this process may use.

    Raises
    ------
    ParameterError
        If ``workers`` is no whole number of at least 0.
    """

    workers: int = 0

    def __post_init__(self) -> None:
        whole("workers", self.workers, 0)

    def ready(self) -> None:
        """Start the processes, so that the first decision finds them."""
        from joblib import Parallel, delayed

        Parallel(n_jobs=self._most, batch_size=1)(delayed(pack_work)(None, [], 0.0) for _ in range(self._most))

    @property
    def _most(self) -> int:
        return self.workers or len(os.sched_getaffinity(0))

    def plan(self, solver: Solver, rounds: Sequence[Round], budget: float) -> Sequence[Plan]:
        """Plan all rounds; the plans are those that the solver makes here."""
        from joblib import Parallel, delayed

        workers = min(self._most, len(rounds))
        work = pack_work(solver, rounds, budget)
        return unpack_plans(rounds, Parallel(n_jobs=workers, batch_size=1)(delayed(plan_packed)(*own) for own in work))
