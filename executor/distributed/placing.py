"""Which worker is on which GPU, what it holds there, and a model that is too large for one, before anything is loaded.

No torch here, unless weights are random and in no file.
"""

from __future__ import annotations

from collections.abc import Sequence

from executor.distributed.budget import CONTEXT
from executor.distributed.config import EngineConfig, EngineError
from executor.distributed.memory import in_words
from executor.models.folder import listed_parts
from executor.models.spec import HELD, ModelSpec, Role
from executor.models.weights import weights_of


def roles_of(config: EngineConfig, workers: int) -> list[Role]:
    """Return what each worker does, by rank: those for stages come after those that do steps."""
    steps: Role = "denoise" if config.decode == "workers" else "denoise and decode"
    return [steps] * workers + ["stages"] * config.stage_workers


def places_of(workers: int, stage_workers: int, gpus: int) -> list[int]:
    """Return the GPU of each worker, by rank.

    Those for stages are on GPUs that no other is on, in turn; where there are none, they share those of the first others.

    Parameters
    ----------
    workers, stage_workers
        Those that do steps, each on its own GPU, and those that do not.
    gpus
        There are, at least as many as workers.
    """
    free = range(workers, gpus) or range(workers)
    return [*range(workers), *(free[number % len(free)] for number in range(stage_workers))]


def held_bytes(model: ModelSpec, role: Role) -> int:
    """Return the bytes of the weights that a role keeps on its device."""
    listed = [name for name, kind in listed_parts(model.folder) if kind is not None and name in HELD[role]]
    return sum(_bytes_of(model, name) for name in listed)


def check_places(config: EngineConfig, workers: int, gpus: Sequence[int]) -> None:
    """Refuse a model whose weights do not fit on the GPUs of those that hold them.

    Only weights and contexts count, without which nothing goes; activations and groups come on top.

    Parameters
    ----------
    config
        Model, type, workers for stages, who decodes.
    workers
        That do steps.
    gpus
        Memory of each GPU, in bytes.

    Raises
    ------
    EngineError
        The message names the GPU, what is needed, what is there, and what to do.
    """
    roles, places = roles_of(config, workers), places_of(workers, config.stage_workers, len(gpus))
    held = {role: held_bytes(config.model, role) + CONTEXT for role in dict.fromkeys(roles)}
    for place, total in enumerate(gpus):
        ranks = [rank for rank, there in enumerate(places) if there == place]
        needed = sum(held[roles[rank]] for rank in ranks)
        if needed > total:
            raise EngineError(
                f"cuda:{place} has {in_words(total)}, but {those(ranks, workers)} take {in_words(needed)} there to hold "
                f"{config.model.folder.name} as {config.model.dtype}, before any step: {_remedies(config, ranks, len(gpus))}"
            )


def shared(places: Sequence[int], workers: int) -> dict[int, list[int]]:
    """Return the workers of each GPU that one for stages shares with one for steps."""
    found = {place: [rank for rank, there in enumerate(places) if there == place] for place in places[workers:]}
    return {place: ranks for place, ranks in sorted(found.items()) if ranks[0] < workers}


def name_of(place: int, config: EngineConfig) -> str:
    """Return a GPU in words: as torch calls it, or where machines each have a first one, by its worker."""
    return f"cuda:{place}" if config.transport == "local" else f"the GPU of worker {place}"


def those(ranks: Sequence[int], workers: int) -> str:
    """Return workers of one GPU in words."""
    named = [f"worker {rank}" + (" for stages" if rank >= workers else "") for rank in ranks]
    return " and ".join(named)


def _remedies(config: EngineConfig, ranks: Sequence[int], gpus: int) -> str:
    """Return what to do about a GPU that is too small for its workers."""
    ways = []
    if config.model.dtype == "float32":
        ways.append("engine.dtype=bfloat16")
    if config.decode == "group":
        ways.append("engine.decode=workers")
    if len(ranks) > 2 or (len(ranks) > 1 and gpus == 1 and config.stage_workers > 1):
        ways.append("engine.stage_workers=1")
    if len(ranks) > 1 and gpus > config.stage_workers:
        ways.append(f"engine.workers={gpus - config.stage_workers}, so that those for stages have GPUs of their own")
    return "use " + ", or ".join([*ways, "a smaller model or larger GPUs"])


def _bytes_of(model: ModelSpec, name: str) -> int:
    found = sum(weights_of(model.folder, [name], model.dtype))
    if found or model.weights == "load":
        return found
    from executor.models.loading import bytes_without_file

    return bytes_without_file(model, name)
