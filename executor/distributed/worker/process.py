"""A worker: one process, one device, a queue of commands.

Commands are carried out in the order in which they come, and every member of a group gets the commands of its
groups in the same order, so that no two workers ever wait for each other crosswise.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any

import torch
from tqdm import tqdm

from executor.distributed import messages as m
from executor.distributed.devices import begin, report
from executor.distributed.worker.groups import Groups, Membership
from executor.distributed.worker.inbox import Inbox
from executor.distributed.worker.saving import Saving, copies_of
from executor.distributed.worker.setting import WorkerSetting
from executor.distributed.worker.staging import Staging
from executor.distributed.worker.tickets import Tickets
from executor.models.model import Model
from executor.models.spec import ModelError
from executor.sequence import Communicator, SequenceParallel


class Worker:
    """The state of a worker.

    Parameters
    ----------
    setting
        See there.
    connection
        To the controller.
    """

    def __init__(self, setting: WorkerSetting, connection: Connection) -> None:
        self._connection = connection
        self._speaking = threading.Lock()
        self._device = torch.device(setting.device)
        if self._device.type == "cuda":
            torch.cuda.set_device(self._device)
        self._model = Model(setting.model, setting.role, self._device)
        self._groups = Groups(setting.rendezvous, setting.rank, self._device)
        self._held = Tickets(setting.storage, setting.turn, self._device)
        self._copies = copies_of(self._device)
        if setting.role == "stages":
            self._model.read("a text")
        compiler = None if setting.role == "stages" else setting.model.compiler
        self._parallel = [SequenceParallel(network, compiler=compiler) for network in self._model.transformers]
        self._rank = setting.rank
        self._queue: deque[Any] = deque()
        self._inbox = Inbox(connection, self._groups.abort)
        self._staging: Staging | None = None
        if setting.role != "denoise":
            self._staging = Staging(self._model, self._held, setting.storage, self._say, self._over, setting.degree)

    def close(self) -> None:
        """Leave all groups; what is being written is written to its end."""
        if self._staging is not None:
            self._staging.close()
        self._groups.close()

    def serve(self) -> None:
        """Carry out commands until told to stop.

        Raises
        ------
        EOFError
            If the controller is gone.
        """
        begin(self._device)
        self._say(m.Ready(report(self._device)))
        while True:
            command = self._queue.popleft() if self._queue else self._inbox.get()
            match command:
                case m.Run():
                    self._run(command)
                case m.Admit() if self._staging is not None:
                    self._staging.admit(command)
                case m.Decode() if self._staging is not None:
                    self._staging.decode(command)
                case m.Join():
                    self._join(command)
                case m.Leave():
                    self._groups.drop(command.name)
                case m.Forget():
                    self._held.drop(command.request)
                    self._held.release(command.request)
                case m.Turn():
                    self._turn(command.number)
                case m.Stop():
                    return

    def _turn(self, number: int) -> None:
        """Forget all requests, once the last of their files is written: they are of an engine that is gone."""
        if self._staging is not None:
            self._staging.settle()
        self._held.turn(number)
        self._say(m.Turned(number, report(self._device)))

    def _say(self, message: Any) -> None:
        """Tell the controller something; several threads may."""
        with self._speaking:
            self._connection.send(message)

    def _run(self, run: m.Run) -> None:
        name, members = run.group
        try:
            self._chunk(run, self._groups.get(name, members))
        except (EOFError, BrokenPipeError):
            raise
        except Exception as error:
            self._groups.drop(name)
            for job in run.jobs:
                self._held.drop(job)
                with suppress(RuntimeError):
                    self._held.states.settle(job)
            self._say(m.Broke(run.chunk, run.group, f"{type(error).__name__}: {error}"))
        finally:
            for job in run.jobs:
                self._held.release(job)

    def _chunk(self, run: m.Run, group: Membership) -> None:
        leads = group.rank == 0
        tickets = [self._held.after(job, done) for job, done in zip(run.jobs, run.done, strict=True)]
        limit, steps, on = run.limit, 0, True
        with self._over(group), Saving(self._held.states, self._copies) as saving:
            while on:
                began = time.monotonic()
                self._model.step(tickets)
                saving.finish()
                self._copies.wait_for_steps()
                group.check()
                steps += 1
                if leads:
                    saving.begin(zip(run.jobs, tickets, strict=True))
                    limit = self._heard(run.chunk, limit)
                    on = steps < min(limit, run.most)
                    if not on:
                        saving.finish()
                        for job in run.jobs:
                            self._held.states.settle(job)
                    self._say(m.Stepped(run.chunk, steps, began, time.monotonic(), not on))
                on = steps < run.most and bool(group.agree(int(on)))

    @contextmanager
    def _over(self, group: Communicator) -> Iterator[None]:
        with ExitStack() as over:
            for parallel in self._parallel:
                over.enter_context(parallel.over(group))
            yield

    def _heard(self, chunk: int, limit: int) -> int:
        """Return the limit of a chunk as the controller last put it; other commands wait."""
        for command in self._inbox.come():
            if isinstance(command, m.Limit):
                limit = command.steps if command.chunk == chunk else limit
                continue
            self._queue.append(command)
            if isinstance(command, m.Stop | m.Turn):
                limit = 0
        return limit

    def _join(self, join: m.Join) -> None:
        try:
            self._groups.get(*join.group).meet(self._device)
        except RuntimeError:
            self._groups.drop(join.group.name)


def work(setting: WorkerSetting, connection: Connection) -> None:
    """Be a worker, from the start to the end of a process. When the controller is gone, clean up after it."""
    try:
        serve(setting, connection)
    finally:
        # Threads of process groups whose peers died must not keep the process.
        os._exit(0)


def serve(setting: WorkerSetting, connection: Connection) -> None:
    """Be a worker until told to stop, or until the controller is gone; the connection is closed then."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(setting.threads)
    tqdm.set_lock(threading.RLock())  # its own, among processes, would be left behind by a process that ends at once
    worker: Worker | None = None
    try:
        try:
            worker = Worker(setting, connection)
        except (ModelError, ValueError, RuntimeError) as error:
            connection.send(m.Unfit(str(error)))
            return
        worker.serve()
    except (EOFError, BrokenPipeError, ConnectionResetError):
        setting.storage.remove()
    finally:
        if worker is not None:
            worker.close()
        connection.close()
