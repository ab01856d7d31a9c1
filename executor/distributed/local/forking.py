"""How worker processes come to be: forked from one that has imported everything, or started anew where that cannot be.

A process that asked CUDA's runtime how many devices there are has spoiled CUDA for all that are forked from it. Libraries
do so when they are imported, unless torch is told to ask the driver's management library instead.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext

ASK_THE_DRIVER = "PYTORCH_NVML_BASED_CUDA_CHECK"
"""Environment variable that makes torch count devices without CUDA's runtime."""

VARIABLE = "TETRIPLAN_PRELOAD"
"""Environment variable with the folder of the model whose parts are imported beforehand."""

PRELOAD = ("executor.distributed.local.preload",)
"""Modules that are imported in the process that workers are forked from."""


def context_for(
    device: str, spoiled: Callable[[ForkServerContext], bool] | None = None
) -> ForkServerContext | SpawnContext:
    """Return what starts worker processes.

    Parameters
    ----------
    device
        Of a worker.
    spoiled
        Whether a forked process could not use CUDA; asked for workers with a GPU.
    """
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload([*_started(), *PRELOAD])
    if device == "cpu":
        return forks
    os.environ.setdefault(ASK_THE_DRIVER, "1")
    return multiprocessing.get_context("spawn") if (spoiled or cuda_is_spoiled)(forks) else forks


def _started() -> list[str]:
    """Return the module that Python was started with, by ``-m``: every forked process imports it, too."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return [] if spec is None or spec.name.endswith("__main__") else [spec.name]


def cuda_is_spoiled(context: ForkServerContext) -> bool:
    """Fork a process, and let it say whether it could use CUDA; one that dies or says nothing for a minute could not."""
    ours, theirs = context.Pipe()
    process = context.Process(target=_tell, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    try:
        return bool(ours.recv()) if ours.poll(60.0) else True
    except EOFError:
        return True
    finally:
        ours.close()
        process.kill()
        process.join()


def _tell(connection: Connection) -> None:
    import torch

    connection.send(torch.cuda._is_in_bad_fork())
