"""The workers of a run and all that belongs to them: started once, and handed from one engine to the next.

Loading a model takes longer than anything else before the first request. So whoever measures and whoever serves take turns on
the same crew, and whoever made it ends it. Requests are their engine's alone: what one engine leaves is forgotten before the
next one begins.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack

from executor.distributed import messages as m
from executor.distributed.budget import GROUPS, Expected
from executor.distributed.config import EngineConfig
from executor.distributed.controller.arrangements import Arrangements, host_store
from executor.distributed.controller.fleet import Event, Fleet
from executor.distributed.controller.room import MemoryRoom
from executor.distributed.controller.starting import transport_of
from executor.distributed.devices import cuda_bytes
from executor.distributed.group_names import GroupNames, Named, warm_set
from executor.distributed.local.transport import Transport
from executor.distributed.memory import check_memory, free_memory
from executor.distributed.placing import name_of, placed, places_of, roles_of, shared, those
from executor.distributed.storage import States
from executor.distributed.worker.setting import Rendezvous, WorkerSetting
from planner.cluster import Cluster

_TICK = 0.25
"""Seconds between looks at workers that have not answered."""


class Crew:
    """Workers that have loaded the model, the groups that they form, and where they keep requests' states.

    Use it as a context manager, or call `close`.

    Parameters
    ----------
    config
        What to serve, and how.
    cluster
        GPU ``i`` is worker ``i``; the workers that encode and decode come after them.
    transport
        How workers are started; by default as the configuration says.
    expected
        What is asked of a GPU at a time, to estimate what activations take of it until that has been measured, and what is
        known of its groups.
    say
        Told, a line each, who shares a GPU, and how many groups fit on GPUs, also when that changes.

    Raises
    ------
    EngineError
        If workers cannot start, images cannot be written, the weights do not fit into this machine's memory or on its GPUs,
        or there is no room on them for groups.
    """

    def __init__(
        self,
        config: EngineConfig,
        cluster: Cluster,
        transport: Transport | None = None,
        expected: Expected | None = None,
        say: Callable[[str], None] | None = None,
    ) -> None:
        config.prepare_folders()
        gpus: tuple[int, ...] = ()
        if config.transport == "local" and config.device == "cuda":
            gpus = cuda_bytes()
        config = placed(config, cluster.gpus, gpus)
        if config.transport == "local":
            check_memory(config, cluster.gpus, free_memory())
        self.config = config
        self.cluster = cluster
        self._turn = -1
        self._say = say or (lambda line: None)
        self._said = ""
        self._places = places_of(cluster.gpus, config.stage_workers, max(cluster.gpus, len(gpus)))
        self._room = MemoryRoom(config, cluster, self._places, expected or Expected())
        if config.device == "cuda":
            self._tell_placed()
        with ExitStack() as closing:
            self.transport = transport or transport_of(config, cluster.gpus)
            closing.callback(self.transport.close)
            store, rendezvous = host_store(config.deadline, self.transport.host)
            self._arrangements = Arrangements(store)
            closing.callback(self._arrangements.close)
            self.names = GroupNames(config.groups or GROUPS, self._arrangements.ended)
            self.fleet = Fleet(self.transport, self._settings(rendezvous))
            closing.callback(self.fleet.close)
            for rank, ready in enumerate(self.fleet.start(config.start_timeout)):
                self._room.heard(rank, ready.memory)
            groups = self._regroup()
            if config.warm:
                self._warm(groups)
            self._closing = closing.pop_all()

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End all workers, and remove what requests left in memory; a second time, nothing happens."""
        self._closing.close()

    def take(self) -> States:
        """Give the workers to an engine, once all that they were told before is over and forgotten.

        Returns
        -------
        States
            Of the engine's requests; there is none yet.

        Raises
        ------
        EngineError
            If a worker that died or hung meanwhile cannot be replaced, or the groups that are asked for do not fit.
        """
        self._turn += 1
        if self._turn > 0:
            self._relieve()
            self._regroup()
        return self.transport.storage.states(self._turn)

    def replace(self, rank: int) -> None:
        """Put another process in the place of a worker, and give up the groups that it was in.

        Raises
        ------
        EngineError
            If it died several times without ever becoming ready.
        """
        self.fleet.restart(rank)
        for named in self.names.retire_all_with(rank):
            self.fleet.tell(named.members, m.Abort(named.name), but=rank)

    def retire(self, named: Named) -> None:
        """Give up a group that broke."""
        if self.names.stands(named):
            self.names.retire(named.members)
        self.fleet.tell(named.members, m.Abort(named.name))

    def _settings(self, rendezvous: Rendezvous) -> list[WorkerSetting]:
        config = self.config
        return [
            WorkerSetting(
                rank,
                role,
                config.model,
                rendezvous,
                self.transport.storage,
                "cpu" if config.device == "cpu" else f"cuda:{place}",
                config.threads,
                max(self.cluster.degrees),
            )
            for rank, (role, place) in enumerate(zip(roles_of(config, self.cluster.gpus), self._places, strict=True))
        ]

    def _tell_placed(self) -> None:
        """Say which GPUs have a worker for stages beside one that does steps, and where texts are kept waiting."""
        if self.config.model.offload:
            why = "as engine.offload asks" if self.config.offload else "since they do not fit on GPUs beside all else"
            self._say(f"Text encoders rest in host memory, {why}: each text takes at least as long as copying them")
        for place, ranks in shared(self._places, self.cluster.gpus).items():
            self._say(f"{name_of(place, self.config)} is shared by {those(ranks, self.cluster.gpus)}")

    def _regroup(self) -> int:
        """Let workers be in as many groups as there is room for, and return the number."""
        found = self._room.limit()
        for named in self.names.restrict(found.groups):
            self.fleet.tell(named.members, m.Leave(named.name))
        if found.why and found.why != self._said:
            self._said = found.why
            self._say(found.why)
        return found.groups

    def _warm(self, groups: int) -> None:
        for members in warm_set(self.cluster, groups):
            named, _ = self.names.use(members)
            self.fleet.tell(members, m.Join(named))

    def _relieve(self) -> None:
        """Wait until every worker says that it has forgotten the engine before, and replace those that say nothing at all."""
        self.fleet.turn(self._turn)
        heard = dict.fromkeys(range(len(self.fleet.ready)), time.monotonic())
        while heard:
            listening = time.monotonic()  # replacing a worker takes a while, in which nobody listens to the others
            for event in self.fleet.wait(_TICK):
                self._answered(event, heard)
            late = listening - self.config.deadline - 1.0
            for rank in [rank for rank, at in heard.items() if self.fleet.ready[rank] and at < late]:
                self.replace(rank)
                del heard[rank]
        self.transport.storage.forget(self._turn - 1)

    def _answered(self, event: Event, heard: dict[int, float]) -> None:
        """Take in what a worker says; those that have nothing more to say of the engine before are no longer waited for."""
        rank, message = event
        if message is None:
            self.replace(rank)
        if isinstance(message, m.Broke):
            self.retire(message.group)
        turned = isinstance(message, m.Turned) and message.number == self._turn
        if turned:
            self._room.heard(rank, message.memory, self.names.counts()[rank])
        if message is None or turned:
            heard.pop(rank, None)
        elif rank in heard:
            heard[rank] = time.monotonic()
