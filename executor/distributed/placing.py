"""Which worker is on which GPU, what it holds there, and a model that is too large for one, before anything is loaded.

No torch here, unless weights are random and in no file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from executor.distributed.budget import CONTEXT
from executor.distributed.config import EngineConfig, EngineError
from executor.distributed.memory import in_words
from executor.models.folder import listed_parts
from executor.models.spec import HELD, TEXT_ENCODERS, ModelSpec, Role
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
    held = set(HELD[role]) - set(TEXT_ENCODERS if model.offload else ())
    listed = [name for name, kind in listed_parts(model.folder) if kind is not None and name in held]
    return sum(_bytes_of(model, name) for name in listed)


def placed(config: EngineConfig, workers: int, gpus: Sequence[int]) -> EngineConfig:
    """Return a configuration that says where text encoders rest, or refuse a model whose weights do not fit on its GPUs.

    Only weights and contexts count, without which nothing goes; activations and groups come on top. Where nobody says, text
    encoders are on a GPU if they fit there.

    Parameters
    ----------
    config
        Model, type, workers for stages, who decodes, whether text encoders rest in host memory.
    workers
        That do steps.
    gpus
        Memory of each GPU of this machine, in bytes; none where it has none, or where workers are on others.

    Raises
    ------
    EngineError
        The message names the GPU, what is needed, what is there, and what to do.
    """
    ways = (False, True) if config.offload is None and gpus else (bool(config.offload),)
    problem: str | None = None
    for offload in ways:
        way = replace(config, model=replace(config.model, offload=offload))
        problem = _problem(way, workers, gpus)
        if problem is None:
            return way
    raise EngineError(problem)


def _problem(config: EngineConfig, workers: int, gpus: Sequence[int]) -> str | None:
    """Return what does not fit on the first GPU that is too small, and what to do; None if all are large enough."""
    roles, places = roles_of(config, workers), places_of(workers, config.stage_workers, max(workers, len(gpus)))
    held = {role: held_bytes(config.model, role) + CONTEXT for role in dict.fromkeys(roles)} if gpus else {}
    for place, total in enumerate(gpus):
        ranks = [rank for rank, there in enumerate(places) if there == place]
        needed = sum(held[roles[rank]] for rank in ranks)
        if needed > total:
            resting = " with text encoders in host memory" if config.model.offload else ""
            return (
                f"cuda:{place} has {in_words(total)}, but {those(ranks, workers)} take {in_words(needed)} there to hold "
                f"{config.model.folder.name} as {config.model.dtype}{resting}, before any step: "
                f"{_remedies(config, ranks, workers, len(gpus))}"
            )
    return None


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


def _remedies(config: EngineConfig, ranks: Sequence[int], workers: int, gpus: int) -> str:
    """Return what to do about a GPU that is too small for its workers."""
    ways = []
    if config.offload is False and max(ranks) >= workers:
        ways.append("engine.offload=true")
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
