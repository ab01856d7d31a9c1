"""Host memory: what is free, what workers take of it to load a model, and a start that would not fit.

No torch here, unless random weights rest in host memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from executor.distributed.config import EngineConfig, EngineError
from executor.models.folder import parts_of
from executor.models.spec import TEXT_ENCODERS, TRANSFORMERS, ModelSpec
from executor.models.weights import weights_of

IMAGE_PARTS = ("vae",)
"""Parts that a worker holds beside those of its steps if it decodes."""
_GROUP = Path("/sys/fs/cgroup")


def free_memory(proc: Path = Path("/proc/meminfo"), group: Path = _GROUP) -> int:
    """Return the bytes of host memory that are left: of the machine, or of the container that this is in if it has less."""
    return min(_free(proc, group), default=0)


def needed_memory(config: EngineConfig, workers: int) -> int:
    """Return the bytes of host memory that weights take, at most, while all workers of a configuration load them.

    What lies in files in the type that is asked for is in memory once; what has to be converted, once for each worker. On
    GPUs only the latter counts, as the former is read piece by piece, but for text encoders that rest here. Random weights
    are made where they are needed.

    Parameters
    ----------
    config
        Model, type, device, workers for stages.
    workers
        That do steps.
    """
    folder = config.model.folder
    listed = [
        name for name, kind in parts_of(json.loads((folder / "model_index.json").read_text())) if kind is not None
    ]
    resting = [name for name in listed if name in TEXT_ENCODERS and config.model.offload]
    if config.model.weights == "random" and config.device == "cuda":
        return config.stage_workers * _made(config.model, resting)
    steps = weights_of(folder, [name for name in listed if name in TRANSFORMERS], config.model.dtype)
    stages = weights_of(folder, [name for name in listed if name not in TRANSFORMERS], config.model.dtype)
    made = workers * steps.made + config.stage_workers * stages.made
    if config.decode == "group":
        images = [name for name in listed if name in IMAGE_PARTS]
        made += workers * weights_of(folder, images, config.model.dtype).made
    if config.device == "cpu":
        return made + steps.mapped + stages.mapped
    return made + weights_of(folder, resting, config.model.dtype).mapped


def check_memory(config: EngineConfig, workers: int, free: int) -> None:
    """Refuse workers whose weights do not fit into the memory of their machine.

    Raises
    ------
    EngineError
        The message says what is needed and what is free.
    """
    needed = needed_memory(config, workers)
    if needed > free > 0:
        images = ", each with the autoencoder, " if config.decode == "group" else " "
        raise EngineError(
            f"{workers} workers{images}and {config.stage_workers} for stages take {in_words(needed)} of host memory to load "
            f"{config.model.folder.name} as {config.model.dtype}, but {in_words(free)} are free: use fewer (engine.workers), "
            "save the model in the type of engine.dtype, so that workers share it, or take a narrower type"
        )


def in_words(count: int) -> str:
    """Return a number of bytes in words."""
    return f"{count / 2**30:.1f} GiB" if count >= 1 << 30 else f"{count / 2**20:.0f} MiB"


def _made(model: ModelSpec, parts: Sequence[str]) -> int:
    """Return the bytes of parts with random weights."""
    if not parts:
        return 0
    from executor.models.loading import bytes_without_file

    return sum(bytes_without_file(model, part) for part in parts)


def _free(proc: Path, group: Path) -> Iterator[int]:
    with suppress(OSError, ValueError, StopIteration):
        yield 1024 * int(_value(proc, "MemAvailable"))
    with suppress(OSError, ValueError, StopIteration):
        limit, taken = (int((group / f"memory.{name}").read_text()) for name in ("max", "current"))
        yield max(0, limit - taken + int(_value(group / "memory.stat", "inactive_file")))


def _value(path: Path, name: str) -> str:
    """Return the number behind a name at the beginning of a line."""
    return next(line.split()[1] for line in path.read_text().splitlines() if line.startswith(name))
