"""How many workers a run has, and on which devices."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from typing import Any, Literal

from experiments.checks import ConfigError

CPU_WORKERS = 2
"""Workers on a machine without GPUs, unless told otherwise."""

EXTRA = ("torch", "diffusers", "transformers", "accelerate", "safetensors", "PIL")
"""What the extra ``executor`` installs, as far as a run cannot do without."""


def check_extra() -> None:
    """Make sure that the extra ``executor`` is installed, without importing any of it.

    Raises
    ------
    ConfigError
        If not; the message says how to install it.
    """
    missing = [name for name in EXTRA if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f'engine=distributed needs {", ".join(missing)}; install the extra executor: pip install -e ".[executor]"'
        )


@cache
def cuda_devices() -> int:
    """Return the number of GPUs that torch can use."""
    check_extra()
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def device_of(engine: Mapping[str, Any]) -> Literal["cpu", "cuda"]:
    """Return the kind of device of a configuration's workers.

    Raises
    ------
    ConfigError
        If it is none, or none is there.
    """
    device = engine["device"]
    if device not in ("auto", "cpu", "cuda"):
        raise ConfigError(f"engine.device is {device!r}; use 'auto', 'cpu' or 'cuda'")
    if device == "cuda" and not cuda_devices():
        raise ConfigError("engine.device is 'cuda', but torch finds no GPU here; use 'cpu' or 'auto'")
    return "cuda" if device != "cpu" and cuda_devices() else "cpu"


def worker_count(engine: Mapping[str, Any]) -> int:
    """Return the number of workers of a configuration: as asked for, or one per GPU, or two processes.

    Raises
    ------
    ConfigError
        If there are fewer than one, or more than GPUs.
    """
    wanted: int | None = engine["workers"]
    if wanted is not None and wanted < 1:
        raise ConfigError(f"engine.workers is {wanted}; at least 1 is needed")
    if device_of(engine) == "cpu":
        return CPU_WORKERS if wanted is None else wanted
    if wanted is not None and wanted > cuda_devices():
        raise ConfigError(f"engine.workers is {wanted}, but there are {cuda_devices()} GPUs; each worker needs its own")
    return cuda_devices() if wanted is None else wanted
