"""What there is: versions, devices, memory, limits. Everything that is asked is asked here."""

from __future__ import annotations

import os
import platform
import resource
import shutil
import socket
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from executor.distributed.memory import free_memory

PACKAGES = ("torch", "diffusers", "transformers", "accelerate", "safetensors", "pillow", "ray")
"""Of the extras ``executor`` and ``cluster``."""


@dataclass(frozen=True)
class Machine:
    """A machine, as far as runs on real workers depend on it.

    Parameters
    ----------
    python
        Version.
    packages
        Version by name; None where one is not installed.
    gpus
        Name and memory in bytes of every GPU that torch can use.
    nccl
        Version; empty without.
    topology
        How GPUs are linked, as ``nvidia-smi topo -m`` prints it; empty without.
    cores
        Processor cores that this process may use.
    memory
        Bytes of host memory that are free.
    shared
        Bytes that are free in ``/dev/shm``; None where it cannot be written.
    files
        Files that a process may have open.
    ports
        Whether a socket on this machine can be opened and reached.
    """

    python: str
    packages: dict[str, str | None]
    gpus: tuple[tuple[str, int], ...] = ()
    nccl: str = ""
    topology: str = ""
    cores: int = 1
    memory: int = 0
    shared: int | None = None
    files: int = 0
    ports: bool = True


def look() -> Machine:
    """Return this machine."""
    packages = {name: _version(name) for name in PACKAGES}
    gpus, nccl = _gpus() if packages["torch"] else ((), "")
    shm = Path("/dev/shm")
    return Machine(
        platform.python_version(),
        packages,
        gpus,
        nccl,
        _topology() if gpus else "",
        len(os.sched_getaffinity(0)),
        free_memory(),
        shutil.disk_usage(shm).free if shm.is_dir() and os.access(shm, os.W_OK) else None,
        resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        _ports(),
    )


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _gpus() -> tuple[tuple[tuple[str, int], ...], str]:
    import torch

    if not torch.cuda.is_available():
        return (), ""
    found = (torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count()))
    nccl = ""
    with suppress(Exception):
        nccl = ".".join(map(str, torch.cuda.nccl.version()))  # type: ignore[no-untyped-call]
    return tuple((gpu.name, int(gpu.total_memory)) for gpu in found), nccl


def _topology() -> str:
    with suppress(OSError, subprocess.SubprocessError):
        asked = subprocess.run(["nvidia-smi", "topo", "-m"], capture_output=True, text=True, timeout=20, check=True)
        return asked.stdout.strip()
    return ""


def _ports() -> bool:
    with (
        suppress(OSError),
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname(), timeout=5.0),
    ):
        return True
    return False
