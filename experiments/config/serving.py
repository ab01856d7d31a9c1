"""The front door: what ``python -m experiments.serve`` can be told beside what a run can."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from experiments.config.run import DEFAULTS, RunConfig
from experiments.config.serving_help import HELP


@dataclass
class ServeConfig:
    """An OpenAI-compatible server of images and videos with deadlines.

    ``host``, ``port``: where it listens. ``api_key``: what clients must send as a bearer token; none is asked for by default.
    ``admission``: ``all`` requests, ``promise`` deadlines, or also ``refuse`` with 429 who cannot be on time. ``grace``:
    seconds to finish what is under way when it is told to stop. ``sizes``: labels (HEIGHTxWIDTH) that are served beside the
    profile's own and the customary ones. ``slo_scale``, ``deadlines``, ``reference_gpus``: the target of a request that
    brings none, as of a workload. ``tiers``: classes of service, each with name, weight and deadline. The rest are limits.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    api_key: str = ""
    admission: str = "all"
    grace: float = 30.0
    sizes: list[str] = field(default_factory=list)
    steps: int = 50
    slo_scale: float = 1.5
    deadlines: str = "auto"
    reference_gpus: int = 8
    tiers: list[Any] = field(default_factory=list)
    resume: bool = False
    most_waiting: int = 10_000
    most_steps: int = 200
    most_images: int = 10
    most_prompt: int = 20_000
    most_body: int = 1_000_000
    body_seconds: float = 10.0
    keep_videos: float = 600.0


@dataclass
class ServerConfig(RunConfig):
    """Everything that defines a server."""

    defaults: list[Any] = field(
        default_factory=lambda: [
            {"engine": "emulated"} if isinstance(each, dict) and "engine" in each else each for each in DEFAULTS
        ]
    )
    serve: ServeConfig = field(default_factory=ServeConfig)
    hydra: Any = field(
        default_factory=lambda: {
            "output_subdir": None,
            "run": {"dir": "."},
            "job": {"chdir": False},
            "help": {"app_name": "experiments.serve", "template": HELP},
        }
    )
