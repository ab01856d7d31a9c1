"""A few processes, started once, that call functions of the test modules on groups of themselves.

What they are sent and answer is pickled as plain bytes: torch would otherwise hand tensors over as open files, for which
`multiprocessing` keeps a thread that never ends.
"""

from __future__ import annotations

import multiprocessing
import pickle
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any

import torch

from executor.distributed.controller.arrangements import host_store
from executor.distributed.local import forking
from executor.distributed.worker.groups import Groups, Rendezvous
from tests.patience import PATIENCE


class Member:
    """What a function sees of the process that it runs in."""

    def __init__(self, rank: int, rendezvous: Rendezvous) -> None:
        self.rank = rank
        self.groups = Groups(rendezvous, rank)
        self.kept: dict[Any, Any] = {}


def _serve(rank: int, rendezvous: Rendezvous, connection: Connection) -> None:
    torch.set_num_threads(1)
    member = Member(rank, rendezvous)
    while True:
        try:
            function, arguments = pickle.loads(connection.recv_bytes())
        except EOFError:
            break
        try:
            answer = pickle.dumps((True, function(member, *arguments)))
        except Exception:
            answer = pickle.dumps((False, traceback.format_exc()))
        connection.send_bytes(answer)
    member.groups.close()


class Squad:
    """``size`` processes that wait for functions to call."""

    def __init__(self, size: int, timeout: float = PATIENCE, method: str = "forkserver") -> None:
        self._store, rendezvous = host_store(timeout)
        context: Any = multiprocessing.get_context(method)
        context.set_forkserver_preload([*forking.PRELOAD, "tests.executor.distributed.zoo"])
        self._connections = []
        self._processes = []
        for rank in range(size):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(rank, rendezvous, theirs), daemon=True)
            process.start()
            theirs.close()
            self._connections.append(ours)
            self._processes.append(process)

    def start(self, ranks: Sequence[int], function: Callable[..., Any], *arguments: Any) -> None:
        """Let some members call ``function(member, *arguments)``."""
        for rank in ranks:
            self._connections[rank].send_bytes(pickle.dumps((function, arguments)))

    def results(self, ranks: Sequence[int]) -> list[Any]:
        """Return what they returned; raises if one of them raised."""
        answers = [pickle.loads(self._connections[rank].recv_bytes()) for rank in ranks]
        for done, answer in answers:
            if not done:
                raise RuntimeError(answer)
        return [answer for _, answer in answers]

    def call(self, ranks: Sequence[int], function: Callable[..., Any], *arguments: Any) -> list[Any]:
        """`start`, and wait for the `results`."""
        self.start(ranks, function, *arguments)
        return self.results(ranks)

    def close(self) -> None:
        """End all processes."""
        for connection in self._connections:
            connection.close()
        for process in self._processes:
            process.join(20)
