"""From a configuration to a run on real workers: everything checked, then the model built and the profile measured."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from executor.distributed.config import LINKS, EngineConfig
from executor.distributed.models.shapes import check_shape
from executor.records import Records
from experiments.config.build import Requests, Setup, build, build_cluster
from experiments.config.checks import ConfigError
from experiments.config.requests import shapes_of
from experiments.config.workers import device_of
from experiments.distributed.engine import check_engine, clear_folders, engine_config, serve_on_workers
from planner.cluster import Cluster
from profiles import LOCAL, Profile, Shape, StepEntry, save_profile

if TYPE_CHECKING:
    from rich.console import Console

PROFILE = "profile.json"
"""The measured profile, in the output directory."""

_INSTANT = 1e-6
"""Seconds of a step that is not yet measured: so short that no check that needs the real ones refuses it."""


def check(config: Mapping[str, Any], requests: Requests | None = None) -> Setup:
    """Check everything that can be known before workers start, and return the setup as far as it is known.

    Raises
    ------
    ValueError
        If anything is wrong; the message names the field, its value and what would be right.
    """
    check_engine(config)
    return build(config, _unmeasured(config) if _measures(config) else None, requests)


def prepare(
    config: Mapping[str, Any], setup: Setup, directory: Path, console: Console
) -> tuple[Setup, Callable[[Setup, Records, Callable[[Records], None]], Records]]:
    """Build the model, measure the profile if asked to, and return the setup and what serves it.

    Parameters
    ----------
    config
        The composed configuration.
    setup
        What ``check`` returned.
    directory
        The output directory; images, latents and the profile go into it.
    console
        For a line on what is done.
    """
    setup, engine = prepared(config, setup, directory, console)
    return setup, partial(_serve, engine, console)


def prepared(
    config: Mapping[str, Any], setup: Setup, directory: Path, console: Console, requests: Requests | None = None
) -> tuple[Setup, EngineConfig]:
    """Build the model, measure the profile if asked to, and return the setup and the engine's settings.

    Parameters
    ----------
    config, setup, directory, console
        As of :func:`prepare`.
    requests
        As of :func:`experiments.config.build.build`.
    """
    engine = engine_config(config, directory)
    for shape in shapes_of(config["workload"]):
        try:
            check_shape(engine.model.folder, shape, max(setup.service.cluster.degrees))
        except ValueError as error:
            raise ConfigError(f"the workload has what the model cannot make: {error}") from None
    clear_folders(directory)
    if _measures(config):
        profile = measured(config, engine, setup.service.cluster, console)
        save_profile(profile, directory / PROFILE)
        setup = build(config, profile, requests)
    return setup, engine


def _serve(
    engine: EngineConfig, console: Console, setup: Setup, records: Records, on_progress: Callable[[Records], None]
) -> Records:
    try:
        return serve_on_workers(setup, engine, records, on_progress)
    finally:
        for reason in records.failed.values():
            console.print(f"dropped: {reason}", highlight=False, soft_wrap=True, markup=False)


def measured(config: Mapping[str, Any], engine: EngineConfig, cluster: Cluster, console: Console) -> Profile:
    """Measure the workload's shapes on the workers that will serve them, and print a line for each shape."""
    from executor.distributed.measuring.steps import measure

    chosen = config["profile"]
    grid = grid_of(config)
    name = f"{engine.model.folder.name}_{cluster.gpus}x{engine.device}"
    console.print(
        f"Measuring {name}: {', '.join(shape.label for shape in grid.shapes)} at degrees "
        f"{', '.join(map(str, cluster.degrees))}, {chosen['repeats']} steps each",
        highlight=False,
        soft_wrap=True,
    )
    profile = measure(replace(engine, images=None, latents=None), cluster, grid, name)
    for shape in grid.shapes:
        steps = [entry for entry in profile.entries if entry.shape == shape and entry.batch == 1]
        times = ", ".join(f"{1e3 * entry.seconds:.1f} ms on {entry.degree}" for entry in steps)
        stages = f"text {1e3 * profile.encode_time(shape):.1f} ms, image {1e3 * profile.decode_time(shape):.1f} ms"
        console.print(f"  {shape.label:<9} a step {times}; {stages}", highlight=False, soft_wrap=True)
    return profile


def grid_of(config: Mapping[str, Any]) -> Any:
    """Return what ``profile=measured`` measures, as an `executor.distributed.measuring.grid.Grid`."""
    from executor.distributed.measuring.grid import Grid

    chosen = config["profile"]
    return Grid(
        tuple(shapes_of(config["workload"])),
        tuple(chosen["batches"]),
        chosen["repeats"],
        chosen["warmup"],
        datetime.date.today().isoformat(),
    )


def _measures(config: Mapping[str, Any]) -> bool:
    return "repeats" in config["profile"]


def _unmeasured(config: Mapping[str, Any]) -> Profile:
    """Return a profile with every entry that will be measured, for checks of all else."""
    chosen = config["profile"]
    for field, least in (("repeats", 2), ("warmup", 1)):
        if chosen[field] < least:
            raise ConfigError(f"profile.{field} is {chosen[field]}; at least {least} is needed")
    if 1 not in chosen["batches"]:
        raise ConfigError(f"profile.batches is {chosen['batches']}; it must have 1")
    cluster = build_cluster(config, (LINKS[device_of(config["engine"])],))
    groups = {(group.degree, group.link) for group in cluster.all_groups}
    entries = tuple(
        _unmeasured_step(shape, degree, batch, LOCAL if degree == 1 else link)
        for shape in shapes_of(config["workload"])
        for degree, link in sorted(groups)
        for batch in chosen["batches"]
    )
    return Profile("measured", config["engine"]["model"], "these workers", cluster.links, 1, entries)


def _unmeasured_step(shape: Shape, degree: int, batch: int, link: str) -> StepEntry:
    return StepEntry(shape, degree, batch, link, _INSTANT, 0.0, "extrapolated", "not yet measured", "2026-01-01")
