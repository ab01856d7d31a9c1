"""What a worker is started with. No torch here."""

from __future__ import annotations

from dataclasses import dataclass

from executor.distributed.storage import Storage
from executor.models.spec import ModelSpec, Role


@dataclass(frozen=True)
class Rendezvous:
    """Where groups are arranged.

    Parameters
    ----------
    host, port
        Address of the controller's store.
    timeout
        Seconds after which a collective in host memory, or the making of a group, gives up. One of GPUs never does: it is
        broken off.
    interface
        Address that this process's connections use.
    """

    host: str
    port: int
    timeout: float
    interface: str = "127.0.0.1"


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
