"""How many groups a worker may be in: as asked for, or as many as fit on every GPU, by what workers say of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from executor.distributed.budget import (
    COMMUNICATOR,
    GROUPS,
    LEAST_COMMUNICATOR,
    Budget,
    DeviceMemory,
    Expected,
    activations,
)
from executor.distributed.config import EngineConfig, EngineError
from executor.distributed.group_names import most_groups
from executor.distributed.memory import in_words
from executor.distributed.placing import name_of, roles_of, those
from executor.models.spec import Role
from planner.cluster import Cluster


class Allowance(NamedTuple):
    """How many groups a worker may be in.

    Parameters
    ----------
    groups
        At least 1.
    why
        In a line; empty without GPUs.
    """

    groups: int
    why: str


class MemoryRoom:
    """What is left on the GPUs of a run, and for how many groups it lasts.

    A worker's first report is of its weights alone; what it has taken more by a later one counts as the activations of all
    workers of its role. Until then they are estimated.

    Parameters
    ----------
    config, cluster
        Of the run.
    places
        GPU of each worker, by rank.
    expected
        What is asked of a GPU at a time, and what is known of its groups.
    """

    def __init__(self, config: EngineConfig, cluster: Cluster, places: Sequence[int], expected: Expected) -> None:
        self._config = config
        self._workers = cluster.gpus
        self._most = most_groups(cluster)
        self._places = tuple(places)
        self._roles = roles_of(config, cluster.gpus)
        self._expected = expected
        self._loaded: dict[int, DeviceMemory] = {}
        self._latest: dict[int, DeviceMemory] = {}
        self._made: dict[int, int] = {}
        self._grown: dict[Role, int] = {}

    def heard(self, rank: int, memory: DeviceMemory | None, made: int = 0) -> None:
        """Take in what a worker says of its GPU, if it has one, when it is in so many groups."""
        if memory is None:
            return
        self._latest[rank] = memory
        self._made[rank] = made
        before = self._loaded.setdefault(rank, memory).held
        role = self._roles[rank]
        if memory.peak > before:
            self._grown[role] = max(self._grown.get(role, 0), memory.peak - before)

    def limit(self) -> Allowance:
        """Return how many groups a worker may be in.

        Raises
        ------
        EngineError
            If as many as are asked for, or any at all, do not fit for sure: activations that are estimated do not count.
        """
        asked = self._config.groups
        if len(self._latest) < len(self._places):
            return Allowance(asked or GROUPS, "")
        measured = self._expected.communicator
        self._check(self._budgets(measured or LEAST_COMMUNICATOR, lambda role: self._grown.get(role, 0)))
        budgets = self._budgets(measured or COMMUNICATOR, self._activations)
        fullest = min(budgets, key=lambda place: budgets[place].groups)
        budget = budgets[fullest]
        groups = asked or max(1, min(budget.groups, GROUPS))
        return Allowance(groups, self._why(groups, fullest, budget))

    def _activations(self, role: Role) -> int:
        model = self._config.model
        return self._grown.get(role) or activations(role, self._expected, model.dtype, model.vae_tiling)

    def _budgets(self, communicator: int, activations_of: Callable[[Role], int]) -> dict[int, Budget]:
        """Return the budget of each GPU that has a worker which does steps."""
        found = {}
        for place in dict.fromkeys(self._places[: self._workers]):
            there = [rank for rank, at in enumerate(self._places) if at == place]
            reports = [self._latest[rank] for rank in there]
            coming = sum(
                max(0, activations_of(self._roles[rank]) - (self._latest[rank].held - self._loaded[rank].held))
                for rank in there
            )
            total = reports[0].total
            free = min(report.free for report in reports)
            found[place] = Budget(total, total - free, coming, communicator, sum(self._made[rank] for rank in there))
        return found

    def _check(self, budgets: Mapping[int, Budget]) -> None:
        """Refuse more groups than fit; those that are there already do."""
        asked = self._config.groups
        groups = min(asked or 1, self._most)
        for place, budget in budgets.items():
            if groups <= budget.made or budget.fits(groups):
                continue
            left, each = max(0, budget.total - budget.taken - budget.coming), in_words(budget.communicator)
            room = (
                f"{name_of(place, self._config)} has {in_words(left)} of {in_words(budget.total)} left beside weights and "
                f"activations, and each group takes {'' if self._expected.communicator else 'at least '}{each}"
            )
            if asked is not None and budget.groups:
                raise EngineError(f"engine.groups is {asked}, but {room}; use up to {budget.groups}, or leave it out")
            raise EngineError(
                f"no group fits: {room}; use engine.dtype=bfloat16, engine.decode=workers, engine.offload=true, "
                "engine.vae_tiling=true, smaller shapes, or cluster.degrees=[1]"
            )

    def _why(self, groups: int, place: int, budget: Budget) -> str:
        there = [rank for rank, at in enumerate(self._places) if at == place]
        known = "measured" if all(self._roles[rank] in self._grown for rank in there) else "estimated"
        each = "measured" if self._expected.communicator else "assumed"
        whose = "as many as fit" if budget.groups else "though none may fit"
        if self._config.groups:
            sure = budget.groups >= groups
            whose = "as engine.groups asks" + ("" if sure else f", though only {budget.groups} are sure to fit")
        if groups >= self._most:
            groups, whose = max(1, self._most), "all that there are"
        return (
            f"Groups: up to {groups} for each worker, {whose}: {name_of(place, self._config)}, of "
            f"{those(there, self._workers)}, has {in_words(budget.total - budget.taken)} of {in_words(budget.total)} free; "
            f"activations take {in_words(budget.coming)} more ({known}), a group "
            f"{in_words(budget.communicator)} ({each})"
        )
