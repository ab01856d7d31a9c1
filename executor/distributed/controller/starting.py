"""Which transport a configuration asks for. Ray is only imported for runs on it."""

from __future__ import annotations

from executor.distributed.config import EngineConfig
from executor.distributed.local.transport import LocalTransport, Transport


def transport_of(config: EngineConfig, workers: int) -> Transport:
    """Return how the workers of a configuration are started.

    Parameters
    ----------
    config
        Says how.
    workers
        That do steps; one more encodes and decodes.

    Raises
    ------
    EngineError
        If Ray cannot be reached, has too little room, or lacks the model on one of its machines.
    """
    if config.transport == "local":
        lora = config.model.lora
        return LocalTransport(config.model.folder, beside=() if lora is None else (lora,))
    from executor.distributed.on_ray.transport import RayTransport

    return RayTransport(config, workers)
