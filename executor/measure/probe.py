"""A process that takes part in collectives to time them; it loads no model."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from executor.distributed import messages as m
from executor.distributed.group_names import Named
from executor.distributed.worker.groups import Groups, Membership
from executor.distributed.worker.setting import WorkerSetting
from profiles.communication import Operation


@dataclass(frozen=True, slots=True)
class Make:
    """Make groups of the same members one after the other, each up to the end of its first collective."""

    groups: tuple[Named, ...]


@dataclass(frozen=True, slots=True)
class Collect:
    """Do a collective ``warmup`` and then ``repeats`` times on a group, in which this member sends ``sent`` bytes."""

    group: Named
    operation: Operation
    sent: int
    warmup: int
    repeats: int


@dataclass(frozen=True, slots=True)
class Failed:
    """Why a command could not be done."""

    error: str


@dataclass(frozen=True, slots=True)
class Timed:
    """What a command took, by repeat; ``memory``: bytes that it left taken, for each group."""

    seconds: tuple[float, ...]
    memory: int = 0


def probe(setting: WorkerSetting, connection: Connection) -> None:
    """Be a probe until told to stop, or the controller is gone. The model of the setting is not looked at."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(setting.threads)
    device = torch.device(setting.device)
    try:
        if device.type == "cuda":
            torch.cuda.set_device(device)
        groups = Groups(setting.rendezvous, setting.rank, device)
        connection.send(m.Ready())
        while not isinstance(command := connection.recv(), m.Stop):
            connection.send(_answer(command, groups, device))
        groups.close()
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass
    finally:
        connection.close()
        # Threads of process groups whose peers died must not keep the process.
        os._exit(0)


def bytes_held(operation: Operation, degree: int, sent: int) -> tuple[int, int]:
    """Return the sizes of a member's input and output, in bytes, in a collective in which it sends ``sent`` bytes."""
    piece = max(1, sent // (degree - 1))
    return (piece * degree, piece * degree) if operation == "all_to_all" else (piece, piece * degree)


def _answer(command: Make | Collect, groups: Groups, device: torch.device) -> Timed | Failed:
    try:
        return _make(command, groups, device) if isinstance(command, Make) else _collect(command, groups, device)
    except RuntimeError as error:
        return Failed(str(error))


def _make(make: Make, groups: Groups, device: torch.device) -> Timed:
    seconds = []
    before = _taken(device)
    for name, members in make.groups:
        began = time.perf_counter()
        group = groups.get(name, members)
        group.all_gather(torch.empty(group.degree, device=device), torch.zeros(1, device=device))
        _synchronize(device)
        seconds.append(time.perf_counter() - began)
    return Timed(tuple(seconds), max(0, _taken(device) - before) // len(make.groups))


def _collect(collect: Collect, groups: Groups, device: torch.device) -> Timed:
    group = groups.get(*collect.group)
    held, got = bytes_held(collect.operation, group.degree, collect.sent)
    input_, output = (torch.zeros(size, dtype=torch.uint8, device=device) for size in (held, got))
    run = _operation(group, collect.operation, output, input_)
    seconds = []
    for _ in range(collect.warmup + collect.repeats):
        group.agree(0)
        began = time.perf_counter()
        run()
        _synchronize(device)
        seconds.append(time.perf_counter() - began)
    return Timed(tuple(seconds[collect.warmup :]))


def _operation(
    group: Membership, operation: Operation, output: torch.Tensor, input_: torch.Tensor
) -> Callable[[], None]:
    if operation == "all_gather":
        return lambda: group.all_gather(output, input_)
    sizes = [input_.numel() // group.degree] * group.degree
    return lambda: group.all_to_all(output, input_, sizes, sizes)


def _synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _taken(device: torch.device) -> int:
    """Return the bytes in use: of the device, or of this process where there is none."""
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        return int(total - free)
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
