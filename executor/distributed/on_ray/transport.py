"""Workers as Ray actors: Ray finds a place for them and starts and ends their processes; then they call back."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

import ray
from ray.exceptions import RayTaskError

from executor.distributed.config import EngineConfig
from executor.distributed.local.transport import received
from executor.distributed.messages import Unfit, shifted
from executor.distributed.on_ray.placement import Reservation, check_machines, check_room, machines
from executor.distributed.on_ray.reception import Caller, Door, Reception, call
from executor.distributed.on_ray.session import RaySession, need
from executor.distributed.on_ray.store import RayStorage, start_keeper
from executor.distributed.worker.imports import import_all
from executor.distributed.worker.setting import WorkerSetting

WorkerMain = Callable[[WorkerSetting, Door], None]

_ENDED = 10.0
"""Seconds that Ray may take to say that all actors have ended."""


def work(setting: WorkerSetting, door: Door) -> None:
    """Be a worker until told to stop; groups use this machine's address, and the GPU that Ray has given."""
    import_all()
    from executor.distributed.worker.process import serve

    here = replace(setting.rendezvous, interface=ray.util.get_node_ip_address())
    device = "cpu" if setting.device == "cpu" else "cuda:0"
    serve(replace(setting, rendezvous=here, device=device), call(door))


class Seat:
    """The actor in whose process a worker lives."""

    def work(self, setting: WorkerSetting, door: Door, target: WorkerMain) -> None:
        """Be a worker until told to stop."""
        target(setting, door)


class RayWorker:
    """A worker in an actor; an `executor.distributed.local.transport.Link`.

    Until it has called back, commands wait here, and `connection` is a pipe that tells when it does, or when it dies.

    Parameters
    ----------
    actor
        A `Seat`.
    """

    def __init__(self, actor: Any) -> None:
        self._actor = actor
        self._lock = threading.Lock()
        self._waiting: list[Any] = []
        self._mouth, self._ear = Pipe(duplex=False)
        self._caller: Caller | None = None
        self._ended = threading.Event()

    @property
    def connection(self) -> Connection:
        """See `executor.distributed.local.transport.Link.connection`."""
        return self._mouth if self._caller is None else self._caller.connection

    @property
    def pid(self) -> int:
        """Process id, on its machine; 0 until it has called back."""
        return 0 if self._caller is None else self._caller.pid

    @property
    def ahead(self) -> float:
        """Seconds by which its clock is ahead."""
        return 0.0 if self._caller is None else self._caller.ahead

    def receive(self) -> list[Any]:
        """See `executor.distributed.local.transport.Link.receive`."""
        caller = self._caller
        if caller is None:
            return received(self._mouth)
        messages, now = received(caller.connection), time.monotonic()
        return [shifted(message, caller.ahead, now) for message in messages]

    def send(self, message: Any) -> None:
        """See `executor.distributed.local.transport.Link.send`."""
        with self._lock:
            if self._caller is None:
                self._waiting.append(message)
                return
        with suppress(OSError):
            self._caller.connection.send(message)

    def kill(self) -> None:
        """See `executor.distributed.local.transport.Link.kill`. Nobody waits for it here: a machine may be silent.

        What a process on its way out may still write is a later state of its request, and as good as any.
        """
        ray.kill(self._actor)
        with self._lock:
            for end in (self._mouth, self._ear, *([] if self._caller is None else [self._caller.connection])):
                end.close()

    def join(self, seconds: float) -> bool:
        """See `executor.distributed.local.transport.Link.join`: when its work is done, its process ends, too."""
        if not self.gone(seconds):
            return False
        self.kill()
        return True

    def gone(self, seconds: float) -> bool:
        """Wait until its work is over, or Ray knows that it has died; whether that is so."""
        return self._ended.wait(seconds)

    def called(self, caller: Caller) -> None:
        """Take in that it has called back."""
        with self._lock:
            if self._ear.closed:
                caller.connection.close()
                return
            with suppress(OSError):
                for message in self._waiting:
                    caller.connection.send(message)
            self._waiting.clear()
            self._caller = caller
            self._ear.send(None)

    def ended(self, result: Future[None]) -> None:
        """Take in that its work is over, or that its process or its machine has died."""
        error = result.exception()
        with self._lock:
            self._ended.set()
            if self._ear.closed:
                return
            if isinstance(error, RayTaskError):
                self._tell(error)
            if self._caller is None:
                self._ear.close()
            elif not self._caller.connection.closed:
                _hang_up(self._caller.connection)

    def _tell(self, error: Exception) -> None:
        """Say what was raised in its process: to who waits for it to be ready, else as a local process does."""
        if self._caller is None:
            self._ear.send(Unfit(str(error).strip().rsplit("\n", 1)[-1]))
        else:
            print(error, file=sys.stderr)


def _hang_up(connection: Connection) -> None:
    """Let this end of a connection see its end, even if the other machine can no longer say so."""
    with suppress(OSError), socket.socket(fileno=connection.fileno()) as whole:
        try:
            whole.shutdown(socket.SHUT_RDWR)
        finally:
            whole.detach()


class RayTransport:
    """Places one worker on every GPU that a run asks for, or on as many processor cores as its threads.

    Workers for texts and images share the places of the first others; their files reach the controller's machine as bytes.

    Parameters
    ----------
    config
        Address, device, threads and model.
    workers
        That do steps.
    target
        What a worker's process does.

    Raises
    ------
    EngineError
        If Ray cannot be reached, has too little room, or lacks the model on one of its machines.
    """

    def __init__(self, config: EngineConfig, workers: int, target: WorkerMain = work) -> None:
        self._workers = workers
        self._stage_workers = config.stage_workers
        self._target = target
        self._session = RaySession(config.address)
        self._started: list[RayWorker] = []
        self._reservation: Reservation | None = None
        self._reception: Reception | None = None
        self._storage: RayStorage | None = None
        try:
            self._need = need(config.device == "cuda", config.threads)
            found = machines(self._need)
            check_room(found, workers, self._need)
            check_machines(found, config.model.folder.absolute())
            self._reservation = Reservation(workers, self._need)
            self._storage = RayStorage(start_keeper())
            self.host: str = ray.util.get_node_ip_address()
            self._reception = Reception(self.host)
        except BaseException:
            self.close()
            raise

    @property
    def storage(self) -> RayStorage:
        """See `executor.distributed.local.transport.Transport.storage`."""
        assert self._storage is not None
        return self._storage

    @property
    def hosts(self) -> list[str]:
        """Address of each worker's machine, of those that do steps."""
        assert self._reservation is not None
        return self._reservation.hosts()

    def start(self, setting: WorkerSetting) -> RayWorker:
        """See `executor.distributed.local.transport.Transport.start`."""
        assert self._reservation is not None and self._reception is not None
        kind = ray.remote(Seat).options(
            scheduling_strategy=self._reservation.place(setting.rank), max_restarts=0, **self._share(setting.rank)
        )
        actor = kind.remote()
        worker = RayWorker(actor)
        self._started.append(worker)
        model = replace(setting.model, folder=setting.model.folder.absolute())
        door = self._reception.expect(worker.called)
        done = actor.work.remote(replace(setting, model=model), door, self._target)
        done.future().add_done_callback(worker.ended)
        return worker

    def close(self) -> None:
        """See `executor.distributed.local.transport.Transport.close`."""
        until = time.monotonic() + _ENDED
        while self._started:
            self._started.pop().gone(max(0.0, until - time.monotonic()))
        if self._reception is not None:
            self._reception.close()
        if self._storage is not None:
            ray.kill(self._storage.keeper)
        if self._reservation is not None:
            self._reservation.close()
        self._reception = self._storage = self._reservation = None
        self._session.close()

    def _share(self, rank: int) -> dict[str, Any]:
        """Return what a worker takes of its place, which some share with workers for stages."""
        ((kind, much),) = self._need.items()
        if kind == "GPU":
            place = rank % self._workers
            sharing = len(range(place, self._workers + self._stage_workers, self._workers))
            return {"num_cpus": 0, "num_gpus": much / sharing}
        if rank >= self._workers:
            return {"num_cpus": 0}
        return {"num_cpus": much} if kind == "CPU" else {"num_cpus": 0, "resources": {kind: much}}
