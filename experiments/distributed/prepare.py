"""From a configuration to a run on real workers: everything is checked, workers start, a profile is measured on them."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from executor.distributed.budget import Expected
from executor.distributed.config import LINKS
from executor.distributed.memory import free_memory, in_words, needed_memory
from executor.models.shapes import check_shape
from executor.records import Records
from experiments.config.build import Requests, Setup, build, build_cluster
from experiments.config.checks import ConfigError
from experiments.config.requests import shapes_of
from experiments.config.workers import device_of
from experiments.distributed.engine import check_engine, clear_folders, engine_config, serve_on_workers
from profiles import LOCAL, Profile, Shape, StepEntry, save_profile

if TYPE_CHECKING:
    from rich.console import Console

    from executor.distributed.controller.crew import Crew

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


@contextmanager
def prepare(
    config: Mapping[str, Any], setup: Setup, directory: Path, console: Console
) -> Iterator[tuple[Setup, Callable[[Setup, Records, Callable[[Records], None]], Records]]]:
    """Start workers, measure the profile on them if asked to, and give the setup and what serves it, once.

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
    with prepared(config, setup, directory, console) as (setup, crew):
        yield setup, partial(_serve, crew, console)


@contextmanager
def prepared(
    config: Mapping[str, Any], setup: Setup, directory: Path, console: Console, requests: Requests | None = None
) -> Iterator[tuple[Setup, Crew]]:
    """Start workers, measure the profile on them if asked to, and give the setup and the workers; they end with the context.

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
    from executor.distributed.controller.crew import Crew

    needed, workers = needed_memory(engine, setup.service.cluster.gpus), setup.service.cluster.gpus
    if needed:
        console.print(
            f"Loading {engine.model.folder.name} on {workers} workers and {engine.stage_workers} for stages: up to "
            f"{in_words(needed)} of host memory, {in_words(free_memory())} free",
            highlight=False,
            soft_wrap=True,
        )
    with Crew(engine, setup.service.cluster, expected=expected_of(config, setup), say=partial(say, console)) as crew:
        if _measures(config):
            profile = measured(config, crew, console)
            save_profile(profile, directory / PROFILE)
            setup = build(config, profile, requests)
        yield setup, crew


def expected_of(config: Mapping[str, Any], setup: Setup) -> Expected:
    """Return the largest shape of a workload, in the largest batch that is measured, or that the profile has, of it.

    What groups take is as the profile says, unless it is measured here, which measures no groups.
    """
    shape = Expected.of(shapes_of(config["workload"])).shape
    if _measures(config):
        return Expected(shape, max(config["profile"]["batches"]))
    profile = setup.service.profile
    batch = max((entry.batch for entry in profile.entries if entry.shape == shape), default=1)
    return Expected(shape, batch, profile.communication.memory)


def say(console: Console, line: str) -> None:
    """Print a line as it is."""
    console.print(line, highlight=False, soft_wrap=True, markup=False)


def _serve(
    crew: Crew, console: Console, setup: Setup, records: Records, on_progress: Callable[[Records], None]
) -> Records:
    """Serve, and let the workers go: what is left to be done needs none."""
    try:
        with crew:
            return serve_on_workers(setup, crew, records, on_progress)
    finally:
        for reason in records.failed.values():
            say(console, f"dropped: {reason}")


def measured(config: Mapping[str, Any], crew: Crew, console: Console) -> Profile:
    """Measure the workload's shapes on the workers that will serve them, and print a line for each shape."""
    from executor.measure.steps import measure

    chosen, engine, cluster = config["profile"], crew.config, crew.cluster
    grid = grid_of(config)
    name = f"{engine.model.folder.name}_{cluster.gpus}x{engine.device}"
    console.print(
        f"Measuring {name}: {', '.join(shape.label for shape in grid.shapes)} at degrees "
        f"{', '.join(map(str, cluster.degrees))}, {chosen['repeats']} steps each",
        highlight=False,
        soft_wrap=True,
    )
    profile = measure(crew, grid, name)
    for shape in grid.shapes:
        steps = [entry for entry in profile.entries if entry.shape == shape and entry.batch == 1]
        times = ", ".join(f"{1e3 * entry.seconds:.1f} ms on {entry.degree}" for entry in steps)
        stages = f"text {1e3 * profile.encode_time(shape):.1f} ms, image {1e3 * profile.decode_time(shape):.1f} ms"
        console.print(f"  {shape.label:<9} a step {times}; {stages}", highlight=False, soft_wrap=True)
    return profile


def grid_of(config: Mapping[str, Any]) -> Any:
    """Return what ``profile=measured`` measures, as an `executor.measure.grid.Grid`."""
    from executor.measure.grid import Grid

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
