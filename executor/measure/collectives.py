"""Collectives and the making of groups, timed on processes that do nothing else."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from executor.distributed.config import EngineConfig, EngineError
from executor.distributed.controller.arrangements import host_store
from executor.distributed.controller.fleet import Fleet
from executor.distributed.group_names import Named
from executor.distributed.local.transport import LocalTransport
from executor.distributed.worker.setting import WorkerSetting
from executor.measure.grid import Grid, groups_of
from executor.measure.probe import Collect, Failed, Make, Timed, probe
from planner.cluster import Cluster, Group
from profiles.communication import OPERATIONS, CollectiveEntry, Communication, GroupEntry

SIZES = tuple(4**power for power in range(5, 13))
"""Bytes that a member sends: 1 KiB to 16 MiB."""

GROUPS = {"cpu": 8, "cuda": 2}
"""Groups made of the same members, by device; with NCCL each takes half a gigabyte."""


def measure_collectives(
    config: EngineConfig,
    cluster: Cluster,
    grid: Grid,
    on_group: Callable[[], None] | None = None,
    sizes: Sequence[int] = SIZES,
) -> Communication:
    """Measure one group for each degree above 1 and link class of the cluster.

    Parameters
    ----------
    config, cluster
        As for the engine; no model is loaded.
    grid
        ``repeats``, ``warmup`` and ``date`` count here too.
    on_group
        Called after each group.
    sizes
        Bytes that a member sends to all others together.

    Raises
    ------
    EngineError
        If a process dies, or takes part in no collective until the engine's deadline.
    """
    groups = [group for group in groups_of(cluster) if group.degree > 1]
    collectives: list[CollectiveEntry] = []
    made: list[GroupEntry] = []
    if not groups:
        return Communication()
    with _probes(config, cluster.gpus) as fleet:
        for number, group in enumerate(groups):
            names = tuple(Named(f"probe{number}.{i}", group.gpus) for i in range(1 + GROUPS[config.device]))
            _ask(fleet, Make(names[:1]), names[0], config)  # what is loaded only once belongs to no group
            made.append(_group_entry(group, _ask(fleet, Make(names[1:]), names[0], config), grid))
            for operation in OPERATIONS:
                for sent in sizes:
                    command = Collect(names[0], operation, sent, grid.warmup, grid.repeats)
                    times = _ask(fleet, command, names[0], config)
                    slowest = [max(repeat) for repeat in zip(*(t.seconds for t in times), strict=True)]
                    source = f"{grid.repeats} times on {_gpus(group)}"
                    entry = (statistics.median(slowest), _spread(slowest), source, grid.date)
                    collectives.append(CollectiveEntry(operation, group.degree, group.link, sent, *entry))
            if on_group is not None:
                on_group()
    return Communication(tuple(collectives), tuple(made))


def _group_entry(group: Group, times: Sequence[Timed], grid: Grid) -> GroupEntry:
    slowest = [max(each) for each in zip(*(t.seconds for t in times), strict=True)]
    source = f"{len(slowest)} groups on {_gpus(group)}"
    memory = max(t.memory for t in times)
    return GroupEntry(group.degree, group.link, statistics.median(slowest), _spread(slowest), memory, source, grid.date)


def _ask(fleet: Fleet, command: Make | Collect, group: Named, config: EngineConfig) -> list[Timed]:
    """Give the members of a group a command, and return their answers."""
    fleet.tell(group.members, command)
    answers: dict[int, Timed] = {}
    allowed = (config.deadline + 5.0) * _collectives_in(command)
    until = time.monotonic() + allowed
    while len(answers) < len(group.members):
        if time.monotonic() > until:
            late = [rank for rank in group.members if rank not in answers]
            raise EngineError(
                f"GPUs {','.join(map(str, late))} did not finish {command} in {allowed:g} s: "
                f"engine.deadline={config.deadline:g} s for each collective"
            )
        for rank, message in fleet.wait(1.0):
            if not isinstance(message, Timed):
                why = message.error if isinstance(message, Failed) else "it died"
                raise EngineError(f"GPU {rank} could not do {command}: {why}")
            answers[rank] = message
    return list(answers.values())


def _collectives_in(command: Make | Collect) -> int:
    """Return how often a member may wait for the others; each time it gives up after the group's timeout."""
    return len(command.groups) if isinstance(command, Make) else 2 * (command.warmup + command.repeats)


@contextmanager
def _probes(config: EngineConfig, count: int) -> Iterator[Fleet]:
    store, rendezvous = host_store(config.deadline)
    transport = LocalTransport(config.model.folder, probe)
    settings = [
        WorkerSetting(
            rank,
            "denoise",
            config.model,
            rendezvous,
            transport.storage,
            "cpu" if config.device == "cpu" else f"cuda:{rank}",
            config.threads,
        )
        for rank in range(count)
    ]
    fleet = Fleet(transport, settings)
    try:
        fleet.start(config.start_timeout)
        yield fleet
    finally:
        fleet.close()
        del store
        transport.close()


def _gpus(group: Group) -> str:
    return f"GPUs {','.join(map(str, group.gpus))}"


def _spread(seconds: Sequence[float]) -> float:
    return statistics.stdev(seconds) / statistics.fmean(seconds)
