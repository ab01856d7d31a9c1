"""Cells planned on a Ray cluster: each round goes to whichever machine has a core free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from executor.cells.packing import PackedPlan, pack_work, plan_packed, unpack_plans
from executor.distributed.config import EngineError
from planner.errors import ParameterError
from planner.plan import Plan
from planner.round import Round
from planner.solvers.protocol import Solver


@dataclass(frozen=True)
class OnRay:
    """Plans rounds side by side on the machines of a Ray cluster.

    Parameters
    ----------
    address
        Host and port of a running cluster; ``auto`` for the one that this machine is in; None starts Ray here.
    """

    address: str | None = None

    def ready(self) -> None:
        """Join the cluster, or start one here.

        Raises
        ------
        ParameterError
            If Ray is not installed, or no cluster answers at the address.
        """
        self._ray()

    def plan(self, solver: Solver, rounds: Sequence[Round], budget: float) -> Sequence[Plan]:
        """Plan all rounds; the plans are those that the solver makes here.

        Raises
        ------
        EngineError
            If a round is lost with its machine again and again.
        """
        ray = self._ray()
        remote = ray.remote(num_cpus=1, max_retries=3)(plan_packed)
        asked = [remote.remote(*own) for own in pack_work(solver, rounds, budget)]
        try:
            packed: list[PackedPlan] = ray.get(asked)
        except ray.exceptions.RayError as error:
            raise EngineError(f"a cell could not be planned on Ray: {error}") from None
        return unpack_plans(rounds, packed)

    def _ray(self) -> Any:
        """Return Ray, connected."""
        try:
            from executor.distributed.on_ray.session import RaySession
        except ImportError:
            raise ParameterError(
                "planning", "ray", "it needs Ray: pip install -e '.[cluster]', or use planning=processes"
            ) from None
        import ray

        if not ray.is_initialized():
            try:
                RaySession(self.address)  # left when the process ends
            except EngineError as error:
                raise ParameterError("address", self.address, str(error)) from None
        return ray
