"""Ray itself: connected to, or started for a run and stopped after it."""

from __future__ import annotations

import logging
import os
import secrets
import socket
from types import TracebackType

from executor.distributed.config import EngineError

# Before Ray is imported: what we start reports nothing to anybody, leaves the devices of workers without GPUs as they are,
# and gives workers the priority of the controller. At Ray's own (15) a machine that does anything else leaves them nothing.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
os.environ.setdefault("RAY_worker_niceness", "0")

import ray

_REACH = 5.0
"""Seconds in which the address of a cluster must answer."""
_PROCESSES = 2
"""Processes that a Ray of our own starts beforehand; it calls them processors."""
PLACES = "tetriplan"
"""Resource of a Ray of our own: as with local workers, it is for the user to say how many share the processors."""
_PLENTY = 10_000
_STORE = 2**30
"""Bytes that the object store of a Ray of our own may take at most."""


class RaySession:
    """A connection to Ray; a context manager. Where there is one already, it is used, and left as it is.

    Parameters
    ----------
    address
        Host and port of a running cluster; ``auto`` for the one that this machine is in; None starts Ray here.

    Raises
    ------
    EngineError
        If there is no cluster at the address.
    """

    def __init__(self, address: str | None) -> None:
        self._ours = not ray.is_initialized()
        if not self._ours:
            return
        if address is None:
            # Ray locks a cluster of its own with a token, which it would leave in the home directory.
            os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
            ray.init(
                address="local",
                num_cpus=_PROCESSES,
                resources={PLACES: _PLENTY},
                object_store_memory=_STORE,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
            return
        reach(address)
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        except Exception as error:
            raise EngineError(
                f"engine.transport.address is {address!r}; Ray cannot be joined there: {error}; every machine of a "
                "cluster, this one too, joins it with: ray start --address=HOST:PORT. A cluster that asks for a token "
                "wants RAY_AUTH_MODE=token in the environment, too"
            ) from error

    def __enter__(self) -> RaySession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave Ray, and stop it if it was started here; a second time, nothing happens."""
        if self._ours:
            self._ours = False
            ray.shutdown()


def reach(address: str) -> None:
    """Make sure that something listens where a cluster is said to be; Ray itself would try for minutes.

    Raises
    ------
    EngineError
        If not, or if it is no address.
    """
    if address == "auto":
        return
    what = f"engine.transport.address is {address!r}"
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or "/" in address:
        raise EngineError(f"{what}; use HOST:PORT of the head (ray start --head prints it), or auto")
    try:
        socket.create_connection((host, int(port)), timeout=_REACH).close()
    except OSError as error:
        raise EngineError(f"{what}, where nothing answers: {error}; start a head with: ray start --head") from error


def need(cuda: bool, threads: int) -> dict[str, float]:
    """Return what a worker takes: a GPU, or a processor core for each of its threads; any place of a Ray of our own."""
    if cuda:
        return {"GPU": 1.0}
    return {PLACES: 1.0} if PLACES in ray.cluster_resources() else {"CPU": float(threads)}


def gpus() -> int:
    """Return the number of GPUs in the cluster."""
    return int(ray.cluster_resources().get("GPU", 0))


def accelerators() -> str:
    """Return the GPUs of the cluster in words, as far as Ray knows them."""
    kinds = sorted(name.split(":", 1)[1] for name in ray.cluster_resources() if name.startswith("accelerator_type:"))
    return f"{gpus()} x {' and '.join(kinds) or 'GPU'}"
