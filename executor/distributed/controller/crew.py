"""The workers of a run and all that belongs to them: started once, and handed from one engine to the next.

Loading a model takes longer than anything else before the first request. So whoever measures and whoever serves take turns on
the same crew, and whoever made it ends it. Requests are their engine's alone: what one engine leaves is forgotten before the
next one begins.
"""

from __future__ import annotations

import time
from contextlib import ExitStack

from executor.distributed import messages as m
from executor.distributed.config import EngineConfig
from executor.distributed.controller.arrangements import Arrangements, host_store
from executor.distributed.controller.fleet import Event, Fleet
from executor.distributed.controller.starting import transport_of
from executor.distributed.group_names import GroupNames, Named, warm_set
from executor.distributed.local.transport import Transport
from executor.distributed.memory import check_memory, free_memory
from executor.distributed.storage import States
from executor.distributed.worker.setting import Rendezvous, WorkerSetting
from executor.models.spec import Role
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

    Raises
    ------
    EngineError
        If workers cannot start, images cannot be written, or the weights do not fit into this machine's memory.
    """

    def __init__(self, config: EngineConfig, cluster: Cluster, transport: Transport | None = None) -> None:
        config.prepare_folders()
        if config.transport == "local":
            check_memory(config, cluster.gpus, free_memory())
        self.config = config
        self.cluster = cluster
        self._turn = -1
        with ExitStack() as closing:
            self.transport = transport or transport_of(config, cluster.gpus)
            closing.callback(self.transport.close)
            store, rendezvous = host_store(config.deadline, self.transport.host)
            self._arrangements = Arrangements(store)
            closing.callback(self._arrangements.close)
            self.names = GroupNames(config.groups, self._arrangements.ended)
            self.fleet = Fleet(self.transport, self._settings(rendezvous))
            closing.callback(self.fleet.close)
            self.fleet.start(config.start_timeout)
            if config.warm:
                self._warm()
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
            If a worker that died or hung meanwhile cannot be replaced.
        """
        self._turn += 1
        if self._turn > 0:
            self._relieve()
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
        config, gpus = self.config, self.cluster.gpus
        steps: Role = "denoise" if config.decode == "workers" else "denoise and decode"
        return [
            WorkerSetting(
                rank,
                steps if rank < gpus else "stages",
                config.model,
                rendezvous,
                self.transport.storage,
                "cpu" if config.device == "cpu" else f"cuda:{rank % gpus}",
                config.threads,
                max(self.cluster.degrees),
            )
            for rank in range(gpus + config.stage_workers)
        ]

    def _warm(self) -> None:
        for members in warm_set(self.cluster, self.config.groups):
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
        if message is None or message == m.Turned(self._turn):
            heard.pop(rank, None)
        elif rank in heard:
            heard[rank] = time.monotonic()
