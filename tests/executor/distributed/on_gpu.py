"""The tests of the executor's workers on one GPU that all of them share: ``pytest -p tests.executor.distributed.on_gpu``.

NCCL lets several members share a GPU from version 2.30 on, if ``NCCL_MULTI_RANK_GPU_ENABLE=1`` says so. Members take turns on
the GPU, so that this is no place to time anything; that groups are right, break, and are broken off is as on several GPUs.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from executor.distributed.config import EngineConfig
from executor.distributed.local.transport import LocalTransport, LocalWorker
from executor.distributed.worker.setting import WorkerSetting

SHARED = "cuda:0"

NCCL = {"NCCL_MULTI_RANK_GPU_ENABLE": "1", "NCCL_MAX_CTAS": "2", "NCCL_NVLS_ENABLE": "0"}
"""Settings of NCCL, unless they are given: members that share a GPU have to leave each other some of it."""


def pytest_configure(config: Any) -> None:
    """Let engines of tests run on the GPU unless a test says where."""
    for name, value in NCCL.items():
        os.environ.setdefault(name, value)
    share_gpu()


def share_gpu() -> None:
    """From now on, configurations of engines are for GPUs, and workers on GPUs share the first one."""
    set_up: Any = EngineConfig.__init__
    start = LocalTransport.start

    def on_gpu(self: EngineConfig, *values: Any, device: str = "cuda", **named: Any) -> None:
        set_up(self, *values, device=device, **named)

    def shared(self: LocalTransport, setting: WorkerSetting) -> LocalWorker:
        return start(self, setting if setting.device == "cpu" else replace(setting, device=SHARED))

    EngineConfig.__init__ = on_gpu  # type: ignore[assignment]
    LocalTransport.start = shared  # type: ignore[method-assign]
