"""Runs over policies, cells and seeds, spread over the cores: the work behind every comparison."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from experiments.cli import compose
from experiments.config.build import build
from experiments.results import Summary, summarize
from experiments.runner import simulate
from experiments.studies.jobs import Jobs


@dataclass(frozen=True, slots=True)
class Policy:
    """A way to serve: overrides of the configuration, and a name for tables.

    Parameters
    ----------
    name
        Short.
    overrides
        As on the command line of ``experiments.run``.
    simple
        Whether it is a rule at its best settings, without a solver of programs: *best simple* is the best of these.
    what
        What it is, in a few words.
    """

    name: str
    overrides: tuple[str, ...]
    simple: bool = False
    what: str = ""


PAPER_GRID: tuple[tuple[str, ...], ...] = (
    ("workload=uniform", "workload=skewed"),
    ("workload.rate=12", "workload.rate=18"),
    tuple(f"workload.slo_scale={scale}" for scale in (1.0, 1.1, 1.2, 1.5)),
)
"""The paper's two mixes, its default and its highest rate, and four deadline scales."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One point of a grid.

    Parameters
    ----------
    label
        In tables.
    overrides
        What all policies share.
    title
        In pictures, with the words that tell what its numbers are; by default the label.
    """

    label: str
    overrides: tuple[str, ...]
    title: str = ""

    def __post_init__(self) -> None:
        if not self.title:
            object.__setattr__(self, "title", self.label)


@dataclass(frozen=True, slots=True)
class Result:
    """A run's key figures."""

    cell: str
    policy: str
    seed: int
    summary: Summary


def cells(axes: Sequence[Sequence[str]], common: Sequence[str] = ()) -> list[Cell]:
    """Return every combination of one override per axis; without axes, the one cell of the common overrides."""
    made = []
    for chosen in product(*axes):
        label = " ".join(override.split("=", 1)[1] for override in chosen) or "default"
        made.append(Cell(label, (*common, *chosen), ", ".join(map(_in_words, chosen or common))))
    return made


def _in_words(override: str) -> str:
    """Say what an override sets, for a title."""
    name, _, value = override.partition("=")
    group, _, field = name.rpartition(".")
    return _WORDS.get(name, f"{field} {{}}" if group else "{}").format(value)


_WORDS = {"workload.rate": "{}/min", "workload.slo_scale": "scale {}", "cluster.gpus": "{} GPUs"}


def described(grid: Sequence[Cell], policies: Sequence[Policy]) -> dict[str, Any]:
    """Return cells and policies as plain data, for a manifest."""
    return {
        "cells": {cell.label: list(cell.overrides) for cell in grid},
        "policies": {policy.name: list(policy.overrides) for policy in policies},
    }


def run_all(
    grid: Sequence[Cell],
    policies: Sequence[Policy],
    seeds: Sequence[int],
    jobs: Jobs = Jobs(),  # noqa: B008
) -> list[Result]:
    """Run every policy in every cell with every seed.

    Every configuration is built and checked before the first run begins. Equal seeds give equal requests and equal
    noise to all policies: the comparison is paired.

    Parameters
    ----------
    grid, policies, seeds
        What to run.
    jobs
        How they are done.

    Returns
    -------
    list of Result
        By cell, policy and seed.
    """
    work: list[tuple[str, str, dict[str, Any]]] = []
    for cell, policy in product(grid, policies):
        config = compose([*cell.overrides, *policy.overrides])
        build(config | {"seed": seeds[0]})
        work += [(cell.label, policy.name, config | {"seed": seed}) for seed in seeds]
    return jobs.do("runs", _run, work, Result)


def _run(cell: str, policy: str, config: dict[str, Any]) -> Result:
    setup = build(config)
    return Result(cell, policy, config["seed"], summarize(simulate(setup), setup.service.cluster, policy))


@dataclass(frozen=True, slots=True)
class Spread:
    """A mean over seeds with the half width of its 95 % confidence interval (Student's t; NaN for one seed)."""

    mean: float
    half_width: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Estimate from one value per seed."""
        from scipy.stats import t

        data = list(values)
        count = len(data)
        mean = sum(data) / count
        if count < 2:
            return cls(mean, math.nan)
        deviation = math.sqrt(sum((value - mean) ** 2 for value in data) / (count - 1))
        return cls(mean, float(t.ppf(0.975, count - 1)) * deviation / math.sqrt(count))

    def half(self, digits: int) -> str:
        """Write the half width; a dash for one seed, which has none."""
        return "-" if math.isnan(self.half_width) else f"{self.half_width:.{digits}f}"
