"""What serves a configuration: simulation, emulation on a real clock, or real workers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.config.build import Setup, build
from experiments.distributed.prepare import check, prepare
from experiments.runner import Runner, emulate, simulate

if TYPE_CHECKING:
    from rich.console import Console


def is_real(config: Mapping[str, Any]) -> bool:
    """Say whether real workers serve."""
    return bool(config["engine"]["kind"] == "distributed")


def checked(config: Mapping[str, Any]) -> Setup:
    """Check everything that can be known before anything starts, and return the setup as far as it is known.

    Raises
    ------
    ValueError
        If anything is wrong; the message names the field, its value and what would be right.
    """
    return check(config) if is_real(config) else build(config)


@contextmanager
def ready(config: Mapping[str, Any], setup: Setup, directory: Path, console: Console) -> Iterator[tuple[Setup, Runner]]:
    """Give the whole setup and what serves it, once; real workers have started and been measured, and end with the context.

    Parameters
    ----------
    config, setup
        What was checked, and what the check returned.
    directory
        Of the results.
    console
        For what takes long.
    """
    if is_real(config):
        with prepare(config, setup, directory, console) as prepared:
            yield prepared
        return
    speed = config["engine"].get("speed")
    yield setup, simulate if speed is None else partial(emulate, speed)
