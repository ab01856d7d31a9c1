"""The options that all studies share, and how their mistakes are told."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from experiments.cli import Parser, count, processes, refuse_twice, whole
from experiments.studies.jobs import PLACES

NEW = "default: a new one below results"

USELESS = {
    "seed=": "--first-seed and --seeds",
    "output=": "--output",
    "overwrite=": "--overwrite",
    "resume=": "--resume",
    "name=": "nothing: tables are named by their cells and policies",
    "engine=distributed": "engine=simulated: studies serve in simulation; experiments.fidelity is for real workers",
    "engine=emulated": "engine=simulated: the same without waiting",
    "profile=measured": "profile=file profile.name=/path/to/profile.json: there is nothing here to measure",
}
"""Overrides that a run has and a study does not, with what to use."""


def study_parser(
    name: str,
    description: str,
    example: str,
    seeds: int | None = 1,
    first_seed: int = 0,
    directory: str = "default: none",
    jobs: int = -1,
) -> Parser:
    """Make the parser of a study, with the options that all have.

    Parameters
    ----------
    name
        Of the command below ``experiments``.
    description, example
        For ``--help``.
    seeds, first_seed
        Defaults of how many seeds, and of the first; None for a study without.
    directory
        Where results go unless ``--output`` says so.
    jobs
        Processes by default; 1 where times are measured.
    """
    parser = Parser(
        prog=f"python -m experiments.{name}",
        description=description,
        epilog=f"example: python -m experiments.{name} {example}",
    )
    parser.add_argument("overrides", nargs="*", help="overrides for all runs, as of experiments.run: workload=skewed")
    if seeds is not None:
        parser.add_argument("--seeds", type=count, default=seeds, metavar="N", help=f"paired seeds (default {seeds})")
        parser.add_argument(
            "--first-seed",
            type=whole,
            default=first_seed,
            metavar="N",
            help=f"the first of them (default {first_seed})",
        )
    add_work_options(parser, directory, jobs)
    parser.set_defaults(useless=USELESS)
    return parser


def add_work_options(parser: argparse.ArgumentParser, directory: str, jobs: int = -1) -> None:
    """Add where jobs run and where results go; parameters as of :func:`study_parser`."""
    work = parser.add_argument_group("work and results")
    work.add_argument(
        "--jobs", type=processes, default=jobs, metavar="N", help=f"processes; -1: one per core (default {jobs})"
    )
    work.add_argument(
        "--on",
        choices=PLACES,
        default="cores",
        help="where jobs run: the cores of this machine (default), or a Ray cluster",
    )
    work.add_argument(
        "--output", type=Path, metavar="DIR", help=f"directory for tables, data and manifest ({directory})"
    )
    work.add_argument("--overwrite", action="store_true", help="replace earlier results of this command there")
    work.add_argument("--resume", action="store_true", help="go on with what is there: only what is missing is done")


def seeds_of(options: argparse.Namespace) -> range:
    """Return the seeds that options ask for."""
    return range(options.first_seed, options.first_seed + options.seeds)


def parse(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read a command line; overrides may stand before, between and behind options.

    Raises
    ------
    ValueError
        If something would be given and not used.
    """
    options = parser.parse_intermixed_args(arguments)
    refuse(options.overrides, options.useless)
    refuse_twice(options.overrides)
    for override in options.overrides:
        if "=" not in override:
            raise ValueError(f"{override!r} is no override of the form field=value, as in workload=skewed")
    if options.overwrite and options.resume:
        raise ValueError("--overwrite replaces earlier results and --resume goes on with them; give one of the two")
    for name in ("overwrite", "resume"):
        if getattr(options, name) and options.output is None:
            raise ValueError(f"--{name} is about the directory of --output, which is not given")
    return options


def refuse(overrides: Sequence[str], useless: Mapping[str, str]) -> None:
    """Refuse overrides without effect; ``useless`` says how they begin, and what to use instead, or ``nothing: WHY``.

    Raises
    ------
    ValueError
        If there is one.
    """
    for override in overrides:
        for given, use in useless.items():
            if override.lstrip("+").startswith(given):
                reason = use.removeprefix("nothing: ")
                raise ValueError(f"{override} has no effect here{'; use ' if reason == use else ': '}{reason}")
