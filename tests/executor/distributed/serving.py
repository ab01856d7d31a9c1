"""Runs of the engine for tests: requests, plans drawn at random, and what one process makes of them."""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from executor.distributed.config import EngineConfig
from executor.distributed.controller.crew import Crew
from executor.distributed.controller.engine import DistributedEngine
from executor.distributed.images import latent_path
from executor.distributed.local.latents import Shared
from executor.distributed.local.transport import Transport
from executor.distributed.worker.setting import WorkerSetting
from executor.loop import serve
from executor.models.model import Model
from executor.models.spec import Ask, ModelSpec
from executor.records import Records
from executor.service import Service
from planner.cluster import Cluster
from planner.request import Request
from planner.round import Cadence
from profiles.profile import Profile, StepEntry
from profiles.shape import Shape

SHAPES = (Shape(64, 64), Shape(64, 96), Shape(128, 128))
DATE = "2026-01-01"


def spec_of(folder: Path) -> ModelSpec:
    """Return the specification of a tiny pipeline, with short texts."""
    return ModelSpec(folder, inputs={"max_sequence_length": 16})


def profile_of(cluster: Cluster, batches: Sequence[int] = (1,)) -> Profile:
    """Guessed step times, also of batches."""
    entries = [
        StepEntry(
            shape,
            degree,
            batch,
            "local" if degree == 1 else "cpu",
            0.004 * batch * (1 + i),
            0.1,
            "measured",
            "guess",
            DATE,
        )
        for i, shape in enumerate(SHAPES)
        for degree in cluster.degrees
        for batch in batches
    ]
    return Profile("tiny", "tiny", "cpu", ("cpu",), 8, tuple(entries))


def cluster_of(gpus: int) -> Cluster:
    """Workers on one switch, on which any subset is a group."""
    edges = tuple((f"gpu{gpu}", "switch", "cpu") for gpu in range(gpus))
    return Cluster(f"{gpus}x-cpu", gpus, edges, ("cpu",), "all", tuple(range(1, gpus + 1)))


def requests_of(count: int, seed: int, steps: tuple[int, int] = (4, 9), every: float = 0.03) -> tuple[Request, ...]:
    """Return requests of mixed shapes and lengths, one ``every`` so many seconds."""
    generator = random.Random(seed)
    return tuple(
        Request(i, generator.choice(SHAPES), generator.randint(*steps), every * i, every * i + 60.0)
        for i in range(count)
    )


@contextmanager
def engine_of(
    config: EngineConfig, cluster: Cluster, profile: Profile, transport: Transport | None = None
) -> Iterator[DistributedEngine]:
    """Start an engine on a crew of its own, which ends with it."""
    with Crew(config, cluster, transport) as crew:
        yield DistributedEngine(crew, profile)


def run(engine: Any, cluster: Cluster, profile: Profile, requests: Sequence[Request], plans: Any) -> Records:
    """Serve requests, planning at events, and wait for their images."""
    service = Service(cluster, profile, plans, Cadence("events", 0.05))
    return serve(service, engine, Records(tuple(requests)))


def decoded(engine: Any) -> list[int]:
    """Return the requests whose images have been there, in order."""
    return [staged.request for staged in engine.staged if staged.stage == "decode"]


def settled(engine: Any) -> list[int]:
    """Wait until nothing moves any more, and return the requests whose images have been there."""
    while engine.advance(math.inf)[0] != math.inf:
        pass
    return decoded(engine)


def final_latents(config: EngineConfig, request: int) -> Tensor:
    """Return what a run made of a request."""
    assert config.latents is not None
    return load_file(latent_path(config.latents, request))["latents"]


def alone(config: EngineConfig, requests: Sequence[Request]) -> dict[int, Tensor]:
    """Return what one process makes of requests, on the same kind of device."""
    torch.set_num_threads(1)
    model = Model(config.model, device=torch.device(config.device))
    found = {}
    for request in requests:
        prompt = config.prompts[request.id % len(config.prompts)]
        ticket = model.admit(Ask(request, prompt, config.model.seed + request.id))
        for _ in range(request.steps):
            model.step([ticket])
        found[request.id] = ticket.latents.cpu()
    return found


def assert_equal_to_alone(config: EngineConfig, requests: Sequence[Request], tolerance: float = 2e-6) -> None:
    """Check the final latents of a run; a GPU sums up in another order where there are fewer tokens or heads."""
    tolerance *= {"cpu": 1, "cuda": 10}[config.device]
    for request, expected in alone(config, requests).items():
        torch.testing.assert_close(final_latents(config, request), expected, atol=tolerance, rtol=0)


def folder_of(setting: WorkerSetting) -> Path:
    """Return the folder in memory that local workers share."""
    assert isinstance(setting.storage, Shared)
    return setting.storage.folder


def shared_folder(engine: DistributedEngine) -> Path:
    """Return the same of an engine."""
    storage = engine._crew.transport.storage
    assert isinstance(storage, Shared)
    return storage.folder


def states_of(engine: DistributedEngine, request: int | None = None) -> list[Path]:
    """Return the files in memory of a request, or of all requests."""
    which = "*" if request is None else f"{request}.*"
    return list(shared_folder(engine).glob(f"turn-*/{which}"))


def pid_of(engine: DistributedEngine, rank: int) -> int:
    """Return the process of a worker of this machine."""
    pid: int = engine._fleet._links[rank].pid  # type: ignore[attr-defined]
    return pid


def reach(engine: DistributedEngine, kind: str, request: int) -> None:
    """Let the engine go on until a request has reached a milestone."""
    while not any((item.kind, item.request) == (kind, request) for item in engine.advance(60.0)[1]):
        pass


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and is not yet waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@contextmanager
def meanwhile(act: Callable[[threading.Event], None]) -> Iterator[None]:
    """Let a thread act while the engine runs."""
    stop = threading.Event()
    thread = threading.Thread(target=act, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
