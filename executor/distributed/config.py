"""How the distributed engine is set up. No torch here."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from executor.models.spec import ModelSpec
from executor.physics import Decode, check_decode
from planner.errors import ParameterError, is_finite, whole

PROMPTS = (
    "a lighthouse above a stormy sea, oil on canvas",
    "a bowl of ripe persimmons on a wooden table",
    "an astronaut reading in a library of glass",
    "two foxes crossing a frozen river at dawn",
    "the skyline of a city made of paper",
)
"""Asked for in turn where a run brings no prompts of its own."""

CPU_WORKERS = 2
"""Workers on a machine without GPUs, unless told otherwise."""

COMPILING = 120.0
"""Seconds that a first step may take to compile a transformer's blocks."""

LINKS = {"cpu": "cpu", "cuda": "nvlink"}
"""Link class between workers, by device, unless told otherwise."""


class EngineError(RuntimeError):
    """A run cannot go on; the message says what failed, where, and what is left."""


@dataclass(frozen=True)
class EngineConfig:
    """What the distributed engine needs beside the cluster and the profile.

    Parameters
    ----------
    model
        What to serve.
    images
        Folder for the images; None keeps none.
    latents
        Folder for the final latents, to compare runs by; None keeps none.
    prompts
        Request ``i`` asks for ``prompts[i % len(prompts)]``.
    device
        ``cuda`` gives worker ``i`` the device ``cuda:i``.
    threads
        CPU threads of each worker.
    stage_workers
        Workers beside those of the cluster's GPUs that encode texts and decode images.
    decode
        Whether they decode, or a worker of the group that did the last step; then each worker holds an autoencoder, too.
    groups
        Process groups that a worker may be in at a time; None for as many as fit on its GPU, or a usual number without one.
    warm
        Whether the groups that plans use most are made, and meet once, before the first request.
    deadline
        Seconds without a step after which a group counts as hung, beyond five times the expected step. Long
        enough for the slowest single exchange between members.
    attempts
        How often a request may fail in a row, without a step done and without a worker having died.
    start_timeout
        Seconds that workers may take to load the model; also those that take the place of dead ones.
    offload
        Whether text encoders rest in host memory; None where weights do not fit on a GPU of this machine otherwise.
    transport
        ``local``: workers are processes of this machine. ``ray``: actors, on one machine or several.
    address
        Of a running Ray cluster, as host:port, or ``auto`` for the one that this machine is in; None starts Ray on
        this machine, and stops it at the end.

    Raises
    ------
    ValueError
        If a field is out of range; the message names it as the command line does.
    """

    model: ModelSpec
    images: Path | None = None
    latents: Path | None = None
    prompts: tuple[str, ...] = PROMPTS
    device: Literal["cpu", "cuda"] = "cpu"
    threads: int = 1
    stage_workers: int = 1
    decode: Decode = "workers"
    groups: int | None = None
    warm: bool = True
    deadline: float = 30.0
    attempts: int = 3
    start_timeout: float = 600.0
    offload: bool | None = None
    transport: Literal["local", "ray"] = "local"
    address: str | None = None

    def __post_init__(self) -> None:
        if self.device not in ("cpu", "cuda"):
            raise ParameterError("device", self.device, "use 'cpu' or 'cuda'")
        if self.transport not in ("local", "ray"):
            raise ParameterError("transport", self.transport, "use 'local' or 'ray'")
        check_decode(self.decode)
        if not self.prompts:
            raise ParameterError("prompts", self.prompts, "give at least one prompt")
        for name in ("threads", "stage_workers", "attempts"):
            whole(name, getattr(self, name))
        if self.groups is not None:
            whole("groups", self.groups)
        for name in ("deadline", "start_timeout"):
            if not (is_finite(getattr(self, name)) and getattr(self, name) > 0):
                raise ParameterError(name, getattr(self, name), "a positive number of seconds is needed")

        if self.model.compile and self.deadline < COMPILING:
            raise ParameterError(
                "deadline",
                self.deadline,
                f"with engine.compile=true, first steps compile meanwhile; at least {COMPILING:g} seconds are needed",
            )

    def prepare_folders(self) -> None:
        """Make the folders for images and latents.

        Raises
        ------
        EngineError
            If one cannot be written.
        """
        for name, folder in (("images", self.images), ("latents", self.latents)):
            if folder is None:
                continue
            why = f"engine.{name} is {str(folder)!r}, which cannot be written"
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise EngineError(f"{why}: {error}") from error
            if not os.access(folder, os.W_OK | os.X_OK):
                raise EngineError(why)
