"""What a worker is started with."""

from __future__ import annotations

from dataclasses import dataclass

from executor.distributed.storage import Storage
from executor.distributed.worker.groups import Rendezvous
from executor.models.spec import ModelSpec, Role


@dataclass(frozen=True)
class WorkerSetting:
    """What a worker is started with.

    Parameters
    ----------
    rank
        Among all workers.
    role
        What it does.
    model
        What it loads.
    rendezvous
        Where groups are arranged.
    storage
        Where requests' states and finished files go.
    device
        ``cpu`` or ``cuda:0``.
    threads
        Of the CPU.
    degree
        Of the largest group.
    turn
        Of the engine that has the crew.
    """

    rank: int
    role: Role
    model: ModelSpec
    rendezvous: Rendezvous
    storage: Storage
    device: str = "cpu"
    threads: int = 1
    degree: int = 1
    turn: int = 0
