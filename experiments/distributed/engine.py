"""From a configuration to the settings of the distributed engine, and the requests served on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from executor.distributed.config import PROMPTS, EngineConfig
from executor.distributed.images import SUFFIXES
from executor.loop import serve
from executor.records import Records
from executor.watch import Calls
from experiments.config.build import Setup
from experiments.config.checks import configured
from experiments.config.workers import address_of, check_extra, check_transport, device_of
from experiments.distributed.models import check_model, model_of

if TYPE_CHECKING:
    from executor.distributed.controller.crew import Crew

IMAGES, LATENTS = "images", "latents"
"""Folders in the output directory."""


def check_engine(config: Mapping[str, Any]) -> None:
    """Refuse what can be refused of ``engine=distributed`` before anything is built, measured or started.

    Raises
    ------
    ConfigError
        If an extra is missing, or the model or the device is none that there is.
    EngineError
        If the Ray cluster cannot be reached.
    """
    check_extra()
    engine = config["engine"]
    check_transport(engine)
    check_model(engine, device_of(engine))


def engine_config(config: Mapping[str, Any], directory: Path | None) -> EngineConfig:
    """Return the settings of the engine; a model that is to be built is built.

    Parameters
    ----------
    config
        The composed configuration.
    directory
        The output directory, for images and latents; None keeps neither.

    Raises
    ------
    ValueError, ModelError
        If a field is out of range; the message names it.
    """
    check_engine(config)
    engine = config["engine"]
    with configured("engine", engine):
        return EngineConfig(
            model=model_of(engine, config["seed"]),
            images=directory / IMAGES if directory and engine["images"] else None,
            latents=directory / LATENTS if directory and engine["latents"] else None,
            prompts=tuple(engine["prompts"]) or PROMPTS,
            device=device_of(engine),
            threads=engine["threads"],
            stage_workers=engine["stage_workers"],
            decode=engine["decode"],
            groups=engine["groups"],
            offload=engine["offload"],
            warm=engine["warm"],
            deadline=engine["deadline"],
            attempts=engine["attempts"],
            start_timeout=engine["start_timeout"],
            transport=engine["transport"]["kind"],
            address=address_of(engine),
        )


def clear_folders(directory: Path) -> None:
    """Remove what an earlier run left in the folders of images and latents; other files stay."""
    for folder in (directory / IMAGES, directory / LATENTS):
        for file in folder.glob("[0-9][0-9][0-9][0-9][0-9][0-9].*"):
            if file.suffix in (*SUFFIXES, ".partial"):
                file.unlink()


def serve_on_workers(
    setup: Setup,
    crew: Crew,
    records: Records | None = None,
    on_progress: Callable[[Records], None] | None = None,
) -> Records:
    """Serve the workload of a setup on real workers, until every image is there.

    Parameters
    ----------
    setup
        The run.
    crew
        The workers.
    records
        To be filled in, for a caller that wants to read them while the run goes on.
    on_progress
        Called when images are there, and when requests have been given up.

    Raises
    ------
    EngineError
        If workers cannot be replaced, or no request at all can be served; one that cannot is dropped, and `Records.failed`
        says why.
    """
    from executor.distributed.config import EngineError
    from executor.distributed.controller.engine import DistributedEngine

    records = Records(setup.workload.requests) if records is None else records
    engine = DistributedEngine(crew, setup.service.profile)
    serve(setup.service, engine, records, watch=Calls(on_progress))
    if records.failed and len(records.failed) == len(records.requests):
        raise EngineError(f"no request could be served; the first: {next(iter(records.failed.values()))}")
    return records
