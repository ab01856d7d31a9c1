"""Which worker goes to which machine of a cluster, and whether the machines have what workers need."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import ray
from ray.util import placement_group, placement_group_table, remove_placement_group
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy, PlacementGroupSchedulingStrategy

from executor.distributed.config import EngineError

_ROOM = 15.0
"""Seconds in which a reservation must be granted; room that an earlier run held is free after one or two."""
_PACKAGES = ("torch", "diffusers")
"""What must be the same everywhere: states are pickled objects of theirs."""


class RayNode(NamedTuple):
    """A machine of the cluster.

    Parameters
    ----------
    node
        Ray's name for it.
    host
        Address.
    room
        Workers that it can take.
    """

    node: str
    host: str
    room: int


class Contents(NamedTuple):
    """What a machine has: whether the model is there, and versions of packages."""

    model: bool
    versions: dict[str, str]


def machines(need: Mapping[str, float]) -> list[RayNode]:
    """Return the machines that are up, this one first, and how many workers with such a need each can take."""
    here = ray.get_runtime_context().get_node_id()
    found = [
        RayNode(
            node["NodeID"],
            node["NodeManagerAddress"],
            min(int(node["Resources"].get(kind, 0) // much) for kind, much in need.items()),
        )
        for node in ray.nodes()
        if node["Alive"]
    ]
    return sorted(found, key=lambda machine: (machine.node != here, machine.host, machine.node))


def check_room(found: Sequence[RayNode], workers: int, need: Mapping[str, float]) -> None:
    """Refuse more workers than there is room for.

    Raises
    ------
    EngineError
        The message says what there is, by machine, and what is needed.
    """
    if sum(machine.room for machine in found) >= workers:
        return
    ((kind, much),) = need.items()
    room = ", ".join(f"{machine.host}: {machine.room}" for machine in found)
    each = "a GPU each" if kind == "GPU" else f"{much:g} {kind} each (engine.threads)"
    raise EngineError(
        f"{workers} workers with {each} are needed, but the Ray cluster has room for "
        f"{sum(machine.room for machine in found)} ({room}); lower engine.workers or add machines"
    )


def look(folder: Path) -> Contents:
    """Return what this machine has."""
    return Contents((folder / "model_index.json").is_file(), {name: version(name) for name in _PACKAGES})


def check_machines(found: Sequence[RayNode], folder: Path, look: Callable[[Path], Contents] = look) -> None:
    """Make sure that every machine on which a worker may be placed has the model and the same packages.

    Parameters
    ----------
    found
        The machines.
    folder
        Of the model.
    look
        What is asked there, and here.

    Raises
    ------
    EngineError
        The message names the machine, and what it lacks.
    """
    kind, ours = ray.remote(num_cpus=0)(look), look(folder)
    answers = [
        kind.options(scheduling_strategy=NodeAffinitySchedulingStrategy(machine.node, soft=False)).remote(folder)
        for machine in found
        if machine.room
    ]
    for machine, answer in zip((machine for machine in found if machine.room), answers, strict=True):
        try:
            theirs: Contents = ray.get(answer)
        except Exception as error:
            raise EngineError(
                f"the machine {machine.host} of the Ray cluster cannot run workers; is the project installed there, with "
                f"the extras executor and cluster? {_last_line(error)}"
            ) from error
        if not theirs.model:
            raise EngineError(
                f"engine.model is {str(folder)!r}, which the machine {machine.host} of the Ray cluster does not have; every "
                "machine needs it under this path, as a copy or on a shared disk"
            )
        for name in _PACKAGES:
            if theirs.versions[name] != ours.versions[name]:
                raise EngineError(
                    f"the machine {machine.host} of the Ray cluster has {name} {theirs.versions[name]}, this one "
                    f"{ours.versions[name]}; install the same version everywhere"
                )


def _last_line(error: Exception) -> str:
    """Return what an error says, without the traceback that Ray puts before it."""
    return str(error).strip().rsplit("\n", 1)[-1]


class Reservation:
    """Room for all workers, held for a whole run; Ray moves what was on a machine that died.

    Workers fill one machine after the other, the controller's first, so that workers of one machine have neighbouring
    numbers.

    Parameters
    ----------
    workers
        How many.
    need
        What each takes.

    Raises
    ------
    EngineError
        If others hold what is needed.
    """

    def __init__(self, workers: int, need: Mapping[str, float]) -> None:
        self._group = placement_group([dict(need)] * workers, strategy="PACK")
        if not self._group.wait(_ROOM):
            free = ray.available_resources()
            self.close()
            ((kind, much),) = need.items()
            raise EngineError(
                f"{workers} workers need {workers * much:g} {kind} of the Ray cluster, but others hold some: "
                f"{free.get(kind, 0):g} are free"
            )
        order = [machine.node for machine in machines(need)]
        nodes: dict[int, str] = placement_group_table(self._group)["bundles_to_node_id"]
        self._bundles = sorted(nodes, key=lambda bundle: (order.index(nodes[bundle]), bundle))

    def place(self, worker: int) -> PlacementGroupSchedulingStrategy:
        """Return where a worker goes; those beyond the last share the places of the first."""
        bundle = self._bundles[worker % len(self._bundles)]
        return PlacementGroupSchedulingStrategy(self._group, placement_group_bundle_index=bundle)

    def hosts(self) -> list[str]:
        """Return the address of each worker's machine; empty while it is being moved."""
        hosts: dict[str, Any] = {node["NodeID"]: node["NodeManagerAddress"] for node in ray.nodes()}
        nodes = placement_group_table(self._group)["bundles_to_node_id"]
        return [hosts.get(nodes[bundle], "") for bundle in self._bundles]

    def close(self) -> None:
        """Give the room back."""
        remove_placement_group(self._group)
