"""Process groups by name, built when first used, on a store that the controller hosts.

`torch.distributed.new_group` deadlocks as soon as processes have made different numbers of groups, so
backends are built directly: under a name that the controller chooses, on its store, by the members alone. No
process joins a world, and a group that broke is replaced by one with another name.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch._C._distributed_c10d import PrefixStore, Store, TCPStore

from executor.distributed.worker.setting import Rendezvous

if TYPE_CHECKING:  # its package loads diffusers, which processes that time collectives do without
    from executor.sequence.communicator import Pending

_REMEMBERED = 1024
"""Groups that a worker remembers to have left; commands for older ones have long been carried out."""

_NCCL = {
    "TORCH_NCCL_ASYNC_ERROR_HANDLING": "0",
    "TORCH_NCCL_ENABLE_MONITORING": "0",
    "TORCH_NCCL_DUMP_ON_TIMEOUT": "0",
}
"""Else threads of torch end a process whose peer has died, or write reports and leave it no time to break its group off; here
the controller decides, and survivors keep their weights."""

_NEVER = timedelta(days=365)
"""When torch's own watch over a group of GPUs steps in: the controller tells whether a group hangs, and nobody else."""


class _Transfers:
    """Several transfers to wait for."""

    def __init__(self, *works: Any) -> None:
        self._works = works

    def wait(self) -> None:
        """Wait for all."""
        for work in self._works:
            work.wait()


class Membership:
    """One member's end of a group; a `executor.sequence.Communicator`.

    Parameters
    ----------
    name
        Unique among all groups that the store has ever seen.
    rank, degree
        Which member this is, and how many there are.
    data
        Backend for tensors on the device.
    control
        Backend for tensors in host memory; the same one on CPU.
    """

    def __init__(self, name: str, rank: int, degree: int, data: Any, control: Any) -> None:
        self.name = name
        self.rank = rank
        self.degree = degree
        self._closing = threading.Lock()
        self._backends: tuple[Any, Any] | None = (data, control)
        self._broken = False
        self._word = torch.zeros(1, dtype=torch.int64)

    def all_to_all(
        self, output: Tensor, input: Tensor, output_sizes: Sequence[int], input_sizes: Sequence[int]
    ) -> None:
        """See `executor.sequence.Communicator.all_to_all`."""
        self._data().alltoall_base(output, input, list(output_sizes), list(input_sizes)).wait()

    def all_gather(self, output: Tensor, input: Tensor) -> None:
        """See `executor.sequence.Communicator.all_gather`."""
        self._data()._allgather_base(output.view(-1), input.view(-1)).wait()

    def shift(self, output: Tensor, input: Tensor, to: int, source: int) -> Pending:
        """See `executor.sequence.Communicator.shift`."""
        data = self._data()
        if input.device.type == "cpu":
            return _Transfers(data.send([input], to, 0), data.recv([output], source, 0))
        data._start_coalescing()
        data.send([input], to, 0)
        data.recv([output], source, 0)
        return _Transfers(data._end_coalescing())

    def meet(self, device: torch.device) -> None:
        """Do one exchange with all members, so that none of the first step's time goes into connections."""
        if self.degree > 1:
            word = torch.zeros(self.degree, device=device)
            self.all_to_all(torch.empty_like(word), word, [1] * self.degree, [1] * self.degree)
            self.agree(0)

    def agree(self, value: int) -> int:
        """Return what the first member says; a broadcast in host memory, also of a group of devices."""
        if self.degree == 1:
            return value
        self._word[0] = value
        options = dist.BroadcastOptions()
        options.rootRank = 0
        self._open()[1].broadcast([self._word], options).wait()
        return int(self._word[0])

    def check(self) -> None:
        """Make sure that what was exchanged counts: a GPU goes on with whatever is there when its group is broken off.

        Raises
        ------
        RuntimeError
            If the group has been left, or broken off.
        """
        if self._broken or self._backends is None:
            raise RuntimeError(f"group {self.name!r} was broken off")

    def abort(self) -> None:
        """Break off from another thread what a GPU waits for; exchanges in host memory end by themselves, with an error."""
        with self._closing:
            data, control = self._backends or (None, None)
            first, self._broken = not self._broken, True
        if first and data is not None and data is not control:
            data.abort()

    def close(self) -> None:
        """Leave at once; members that wait for this one raise."""
        self.abort()
        with self._closing:
            backends, self._backends = self._backends, None
        if backends is not None and backends[1] is not None:
            backends[1].abort()

    def _open(self) -> tuple[Any, Any]:
        self.check()
        assert self._backends is not None
        return self._backends

    def _data(self) -> Any:
        return self._open()[0]


class Groups:
    """The groups that this process is a member of.

    Parameters
    ----------
    rendezvous
        Where groups are arranged.
    rank
        This process among all workers.
    device
        Where tensors live: on ``cpu`` groups use gloo, on ``cuda`` NCCL (with gloo for words of control).
    """

    def __init__(self, rendezvous: Rendezvous, rank: int, device: torch.device | None = None) -> None:
        self._rendezvous = rendezvous
        self._rank = rank
        self._device = torch.device("cpu") if device is None else device
        self._timeout = timedelta(seconds=rendezvous.timeout)
        self._store: Store = TCPStore(
            rendezvous.host, rendezvous.port, is_master=False, wait_for_workers=False, timeout=self._timeout
        )
        self._groups: dict[str, Membership] = {}
        self._left: dict[str, None] = {}
        self._changing = threading.Lock()
        if self._device.type == "cuda":
            for setting, value in _NCCL.items():
                os.environ.setdefault(setting, value)

    def __len__(self) -> int:
        return len(self._groups)

    def get(self, name: str, members: Sequence[int]) -> Membership:
        """Return a group, making it if this is its first use; then every member must ask for it.

        Parameters
        ----------
        name
            Of the group; one name always stands for the same members.
        members
            Workers, in the order of their ranks in the group.

        Raises
        ------
        ValueError
            If this process is no member.
        RuntimeError
            If a member does not come before the timeout, or this process has left the group before.
        """
        group = self._groups.get(name)
        if group is not None and name not in self._left:
            return group
        if self._rank not in members:
            raise ValueError(f"group {name!r} has members {tuple(members)}; worker {self._rank} is none of them")
        if name not in self._left:
            group = self._build(name, members)
            with self._changing:
                if name not in self._left:
                    self._groups[name] = group
                    return group
            group.close()
        raise RuntimeError(f"worker {self._rank} has left group {name!r}; it comes back under another name")

    def drop(self, name: str) -> None:
        """Leave a group for good; one that is not known is no error."""
        with self._changing:
            self._leave(name)
            group = self._groups.pop(name, None)
        if group is not None:
            group.close()

    def abort(self, names: Iterable[str] | None = None) -> None:
        """Break groups off, or all, from another thread: their GPUs wait no longer, and they are there only to be dropped."""
        with self._changing:
            groups = [self._groups.get(name) for name in (list(self._groups) if names is None else names)]
            for name in names or ():
                self._leave(name)
        for group in groups:
            if group is not None:
                group.abort()

    def _leave(self, name: str) -> None:
        self._left[name] = None
        if len(self._left) > _REMEMBERED:
            del self._left[next(iter(self._left))]

    def close(self) -> None:
        """Leave all groups."""
        for name in list(self._groups):
            self.drop(name)

    def _build(self, name: str, members: Sequence[int]) -> Membership:
        rank, degree = members.index(self._rank), len(members)
        if degree == 1:
            return Membership(name, 0, 1, None, None)
        control = self._gloo(name, rank, degree)
        data = control if self._device.type == "cpu" else self._nccl(name, rank, degree)
        return Membership(name, rank, degree, data, control)

    def _gloo(self, name: str, rank: int, degree: int) -> Any:
        gloo: Any = dist.ProcessGroupGloo
        options = gloo._Options()
        options._devices = [gloo.create_device(hostname=self._rendezvous.interface)]
        options._timeout = self._timeout
        options._threads = 1
        return gloo(PrefixStore(f"gloo/{name}", self._store), rank, degree, options)

    def _nccl(self, name: str, rank: int, degree: int) -> Any:
        nccl: Any = dist.ProcessGroupNCCL
        options = nccl.Options()
        options._timeout = _NEVER
        return nccl(PrefixStore(f"nccl/{name}", self._store), rank, degree, options)
