"""Requests' states on Ray: an actor on the controller's machine keeps them, and they travel through the object store.

What a worker puts into Ray's object store dies with that worker. So an actor that no worker's death touches keeps its own
copy of the last state of every request. A writer does not wait for it, except for its last step in a chunk: then the next
reader finds what the controller has been told.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayActorError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from executor.distributed.config import EngineError
from executor.distributed.storage import Saved, write_file

Key = tuple[int, int]
"""Turn, and request in it."""


class Keeper:
    """The actor. Calls of one worker are carried out in their order; files are written beside them."""

    def __init__(self) -> None:
        self._fixed: dict[Key, bytes] = {}
        self._moving: dict[Key, Saved] = {}

    def admit(self, request: Key, fixed: bytes, moving: bytes) -> None:
        """Take in a request, also once more."""
        self._fixed[request] = fixed
        self._moving[request] = Saved(0, moving)

    def write(self, request: Key, steps: int, moving: bytes) -> None:
        """Take in a state, unless a later one is there already or the request is over."""
        before = self._moving.get(request)
        if before is not None and steps > before.steps:
            self._moving[request] = Saved(steps, moving)

    def fixed(self, request: Key) -> bytes | None:
        """Return the part that never changes."""
        return self._fixed.get(request)

    def read(self, request: Key) -> Saved | None:
        """Return the last state."""
        return self._moving.get(request)

    def remove(self, request: Key) -> None:
        """Forget a request."""
        self._fixed.pop(request, None)
        self._moving.pop(request, None)

    def forget(self, turn: int) -> None:
        """Forget all requests of a turn."""
        for request in [key for key in self._fixed.keys() | self._moving.keys() if key[0] == turn]:
            self.remove(request)

    def count(self) -> int:
        """Return how many requests there are."""
        return len(self._moving)

    @ray.method(concurrency_group="files")
    def save(self, path: Path, data: bytes) -> OSError | None:
        """Write a file; return what went wrong."""
        try:
            write_file(path, data)
        except OSError as error:
            return error
        return None


class RayStates:
    """A process's way to the states; an `executor.distributed.storage.States`.

    Parameters
    ----------
    keeper
        The actor.
    turn
        Of the engine whose requests they are.
    """

    def __init__(self, keeper: Any, turn: int) -> None:
        self._keeper = keeper
        self._turn = turn
        self._last: dict[int, Any] = {}

    def admit(self, request: int, fixed: bytes, moving: bytes) -> None:
        """See `executor.distributed.storage.States.admit`."""
        got(self._keeper.admit.remote((self._turn, request), fixed, moving))

    def fixed(self, request: int) -> bytes:
        """See `executor.distributed.storage.States.fixed`."""
        found: bytes | None = got(self._keeper.fixed.remote((self._turn, request)))
        if found is None:
            raise FileNotFoundError(f"request {request} is not in Ray's object store")
        return found

    def write(self, request: int, steps: int, moving: bytes) -> None:
        """See `executor.distributed.storage.States.write`; at most one write of a request is under way."""
        self.settle(request)
        self._last[request] = self._keeper.write.remote((self._turn, request), steps, moving)

    def settle(self, request: int) -> None:
        """See `executor.distributed.storage.States.settle`."""
        last = self._last.pop(request, None)
        if last is not None:
            got(last)

    def read(self, request: int) -> Saved:
        """See `executor.distributed.storage.States.read`."""
        found: Saved | None = got(self._keeper.read.remote((self._turn, request)))
        if found is None:
            raise FileNotFoundError(f"request {request} is not in Ray's object store")
        return found

    def release(self, request: int) -> None:
        """See `executor.distributed.storage.States.release`."""
        self._last.pop(request, None)

    def remove(self, request: int) -> None:
        """See `executor.distributed.storage.States.remove`; nobody waits for it."""
        self.release(request)
        self._keeper.remove.remote((self._turn, request))


@dataclass(frozen=True)
class RayStorage:
    """What the processes of a cluster share; an `executor.distributed.storage.Storage`.

    Parameters
    ----------
    keeper
        The actor; it ends with the transport that started it.
    """

    keeper: Any

    def __str__(self) -> str:
        return "Ray's object store"

    def states(self, turn: int) -> RayStates:
        """See `executor.distributed.storage.Storage.states`."""
        return RayStates(self.keeper, turn)

    def forget(self, turn: int) -> None:
        """See `executor.distributed.storage.Storage.forget`."""
        got(self.keeper.forget.remote(turn))

    def save(self, path: Path, data: bytes) -> None:
        """See `executor.distributed.storage.Storage.save`: the bytes go to the controller's machine."""
        error: OSError | None = got(self.keeper.save.remote(path, data))
        if error is not None:
            raise error

    def remove(self) -> None:
        """See `executor.distributed.storage.Storage.remove`: Ray ends the actor with its controller."""


def start_keeper() -> Any:
    """Start the actor on this machine."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    kind = ray.remote(num_cpus=0, concurrency_groups={"files": 1})(Keeper)
    return kind.options(scheduling_strategy=here).remote()


def got(reference: Any) -> Any:
    """Return what a call of the actor returned.

    Raises
    ------
    EngineError
        If the actor has died.
    """
    try:
        return ray.get(reference)
    except RayActorError as error:
        raise EngineError(f"the Ray actor that keeps requests' states has died: {error}") from error
