"""How many workers a run has, and on which devices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from typing import Any, Literal

from executor.distributed.config import CPU_WORKERS
from experiments.config.checks import ConfigError

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


def check_transport(engine: Mapping[str, Any]) -> None:
    """Make sure that the extra ``cluster`` is installed where Ray is asked for.

    Raises
    ------
    ConfigError
        If not; the message says how to install it.
    """
    if engine["transport"]["kind"] == "ray" and find_spec("ray") is None:
        raise ConfigError(
            'engine/transport=ray needs ray; install the extra cluster: pip install -e ".[executor,cluster]"'
        )


def address_of(engine: Mapping[str, Any]) -> str | None:
    """Return the address of the Ray cluster that a configuration names; None for workers of this machine alone."""
    address: str | None = engine["transport"].get("address")
    return address


@contextmanager
def joined(engine: Mapping[str, Any]) -> Iterator[None]:
    """Stay connected to Ray, where a configuration asks for it, or keep a Ray of its own running.

    Raises
    ------
    EngineError
        If there is no cluster at the address.
    """
    if engine["kind"] != "distributed" or engine["transport"]["kind"] != "ray":
        yield
        return
    check_extra()
    check_transport(engine)
    from executor.distributed.on_ray.session import RaySession

    with RaySession(address_of(engine)):
        yield


def gpus(engine: Mapping[str, Any]) -> int:
    """Return the number of GPUs that workers can have: of this machine, or of the cluster that is named."""
    if address_of(engine) is None:
        return cuda_devices()
    from executor.distributed.on_ray import session

    with joined(engine):
        return session.gpus()


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
    if device == "cpu":
        return "cpu"
    found = gpus(engine)
    if device == "cuda" and not found:
        where = "the Ray cluster has none" if address_of(engine) else "torch finds no GPU here"
        raise ConfigError(f"engine.device is 'cuda', but {where}; use 'cpu' or 'auto'")
    return "cuda" if found else "cpu"


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
    found = gpus(engine)
    if wanted is not None and wanted > found:
        raise ConfigError(f"engine.workers is {wanted}, but there are {found} GPUs; each worker needs its own")
    return found if wanted is None else wanted
