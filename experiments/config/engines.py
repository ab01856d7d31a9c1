"""What carries plans out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING


@dataclass
class SimulatedConfig:
    """A virtual clock.

    ``noise`` multiplies the profile's spread, ``noise_cv`` replaces it. ``regroup_ms`` is what a request loses when it goes
    on on other GPUs; plans count it from 2 ms on. ``stages`` adds text encoding and VAE decoding, on
    ``stage_workers`` of their own beside the GPUs; ``decode=group`` decodes on a GPU of the group that did the last step.
    ``late``: ``best_effort`` or ``drop``. ``latency``: ``zero``, ``fixed`` (``latency_ms``) or ``measured``. ``admission``:
    ``all`` requests, ``promise`` deadlines that leave room for what is worth more, or also ``refuse`` who cannot be on time.
    """

    kind: str = "simulated"
    noise: float = 1.0
    noise_cv: float = 0.0
    regroup_ms: float = 1.0
    stages: bool = False
    stage_workers: int = 1
    decode: str = "workers"
    late: str = "best_effort"
    latency: str = "zero"
    latency_ms: float = 0.0
    admission: str = "all"


@dataclass
class EmulatedConfig:
    """A real clock and no GPU: steps take what the profile says, so that a planner meets real time and real clients.

    ``speed``: seconds of the cluster in a second of the clock. The rest as of ``engine=simulated``.
    """

    kind: str = "emulated"
    speed: float = 1.0
    noise: float = 1.0
    noise_cv: float = 0.0
    regroup_ms: float = 1.0
    stages: bool = False
    stage_workers: int = 1
    decode: str = "workers"
    late: str = "best_effort"
    admission: str = "all"


@dataclass
class TransportConfig:
    """How workers are started."""

    kind: str = MISSING


@dataclass
class LocalTransportConfig(TransportConfig):
    """Processes of this machine."""

    kind: str = "local"


@dataclass
class RayTransportConfig(TransportConfig):
    """Ray actors, on one machine or several (extra "cluster").

    ``address``: HOST:PORT of a running cluster's head, or ``auto`` for the one that this machine is in; by default, Ray is
    started on this machine and stopped at the end.
    """

    kind: str = "ray"
    address: str | None = None


_SERVED = [
    {"transport": "local"},
    "_self_",
    {"override /workload@_global_.workload": "small"},
    {"override /profile@_global_.profile": "measured"},
    {"override /cluster@_global_.cluster": "workers"},
]


@dataclass
class DistributedConfig:
    """Real workers that run a diffusers pipeline on a real clock.

    ``model``: ``flux``, ``sd3``, ``qwen`` or ``wan`` with random weights, without a download (``width``: ``tiny``,
    ``small``, or on GPUs ``full``: FLUX.1-dev, SD3-medium, Qwen-Image, Wan2.1-14B as published), or the folder of a
    pipeline that diffusers saved; ``weights=random`` needs only its configurations. ``guidance``: its scale;
    ``guidance_2``: that of the second transformer of Wan 2.2. ``lora``: a file of safetensors that is fused into the
    transformer, times ``lora_weight`` (needs peft). ``vae_tiling``: decode large images tile by tile, in less memory.
    ``compile``: the transformer's blocks, with torch.compile, in first steps. ``workers``: by default one per GPU, or two
    processes. ``stage_workers``: those that encode texts and decode images, beside them. ``decode=group``: a worker of the
    group that did the last step decodes. ``groups``: that a worker may be in at a time; by default as many as fit into its
    GPU's memory, or 32 without GPUs. ``offload``: text encoders rest in host memory; by default where they do not fit on a
    GPU. ``images`` and ``latents``: whether to keep them, in the output directory. ``deadline``: seconds after which a
    group without a step counts as hung. ``late``: ``best_effort`` or ``drop``.
    """

    defaults: list[Any] = field(default_factory=lambda: list(_SERVED))
    kind: str = "distributed"
    model: str = "flux"
    width: str = "small"
    weights: str = "load"
    dtype: str = "float32"
    guidance: float | None = None
    guidance_2: float | None = None
    lora: str | None = None
    lora_weight: float = 1.0
    vae_tiling: bool = False
    compile: bool = False
    inputs: dict[str, Any] = field(default_factory=dict)
    prompts: list[str] = field(default_factory=list)
    workers: int | None = None
    stage_workers: int = 1
    decode: str = "workers"
    device: str = "auto"
    threads: int = 1
    groups: int | None = None
    offload: bool | None = None
    warm: bool = True
    deadline: float = 30.0
    attempts: int = 3
    start_timeout: float = 600.0
    images: bool = True
    latents: bool = False
    late: str = "best_effort"
    transport: Any = MISSING
