"""The best settings of every rule: ``python -m experiments.tune``.

A baseline is worth comparing with at its best only. For every policy of :data:`SEARCHES`, one setting after the other
takes each value declared for it, the best is kept unless it gains next to nothing, and this is repeated until a whole
pass changes nothing. What counts is attainment by weight, the mean over :data:`CELLS` and over seeds that no table uses.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from experiments.results.text import Table
from experiments.studies.grid import Cell, Policy, Result, Spread, run_all
from experiments.studies.hidden import refuse_hidden, refuse_renamed
from experiments.studies.jobs import Jobs
from experiments.studies.options import NEW, seeds_of, study_parser
from experiments.studies.run_tables import run_rows
from experiments.studies.study import open_study, run_study

FIRST_SEED = 1000
"""Tables use seeds below."""
PASSES = 4
MARGIN = 0.002
"""A setting that gains less than this in attainment stays at the value before: it would follow the noise of the seeds."""

_DROP = "engine.late=drop"
_HEAVY = "{name:large,share:1,weight:10,shapes:[2048x2048]}"
_LIGHT = "{name:smaller,share:1,shapes:[256x256,512x512,1024x1024]}"

CELLS: tuple[Cell, ...] = (
    *(
        Cell(
            f"{mix} {rate} {scale}", (f"workload={mix}", f"workload.rate={rate}", f"workload.slo_scale={scale}")
        )
        for mix, rate, scale in (
            ("uniform", 12, 1.1), ("uniform", 18, 1.2), ("uniform", 18, 1.5),
            ("skewed", 12, 1.2), ("skewed", 18, 1.1), ("skewed", 18, 1.5),
        )
    ),
    Cell("premium tier", ("workload=tiers", "workload.mix=skewed", "workload.rate=40", "workload.slo_scale=1.5", _DROP)),
    Cell(
        "heavy large images",
        ("workload=tiers", f"workload.tiers=[{_HEAVY},{_LIGHT}]", "workload.rate=30", "workload.slo_scale=1.5", _DROP),
    ),
)  # fmt: skip
"""Six cells of the paper's grid, late requests served, and two regimes with weights."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """What is tried for a policy.

    Parameters
    ----------
    policy
        Its name.
    base
        Overrides that stay.
    settings
        Per setting, its name on the command line and the values tried; the search begins at the first of each.
    """

    policy: str
    base: tuple[str, ...]
    settings: tuple[tuple[str, tuple[str, ...]], ...]


_BOOLEAN = ("false", "true")
_LATE = ("idle", "brief")
_EVENTS_TAU = ("cadence.tau", ("0.4", "0.1", "0.2", "0.8", "1.6"))
_GREEDY = (
    ("solver.waiting", ("true", "false")),
    ("solver.allocation", ("true", "false")),
    ("solver.late", _LATE),
)

SEARCHES: tuple[Tuning, ...] = (
    Tuning("tetriserve-tuned", ("solver=dp",), _GREEDY),
    Tuning("greedy-events", ("solver=dp", "cadence=events"), (_EVENTS_TAU, *_GREEDY)),
    Tuning("edf", ("solver=edf",), (("solver.admission", _BOOLEAN), ("solver.late", _LATE), _EVENTS_TAU)),
    Tuning(
        "srtf",
        ("solver=srtf",),
        (
            ("solver.degree", ("null", "4", "2")),
            ("solver.chunk", ("5", "1", "10", "50")),
            ("solver.elastic", _BOOLEAN),
            ("solver.admission", _BOOLEAN),
            ("solver.late", _LATE),
        ),
    ),
    Tuning("moore", ("solver=moore",), (("solver.late", ("brief", "idle")), _EVENTS_TAU)),
    Tuning("lookahead", ("solver=highs",), (("program.late", ("brief", "idle")), _EVENTS_TAU)),
)
"""What is tried. The first value of a setting is the default.

The rule ``quiet`` for late requests is not tried: it can gain up to .003 for a rule, by delivering late requests several
times later, which attainment does not see. Rounds follow the profile (``cadence.tau=auto``): a number would fit one profile,
and fail on others.
"""

Attainments = dict[int, float]
"""By seed, the mean over cells."""
Evaluate = Callable[[Sequence[tuple[str, ...]]], Sequence[Attainments]]


@dataclass(frozen=True, slots=True)
class Tried:
    """A choice of settings, and what it attains.

    Parameters
    ----------
    settings
        Values, in the order of the search's settings.
    attainments
        By seed.
    """

    settings: tuple[str, ...]
    attainments: Attainments

    @property
    def mean(self) -> float:
        """Over seeds."""
        return sum(self.attainments.values()) / len(self.attainments)


class Tuned(NamedTuple):
    """All that was tried, the start first, and the best of it."""

    tried: list[Tried]
    best: Tried


def tune(search: Tuning, evaluate: Evaluate) -> Tuned:
    """Try settings one after the other until a pass changes nothing.

    Parameters
    ----------
    search
        What is tried.
    evaluate
        Returns what each of some choices of settings attains.

    """
    now = tuple(values[0] for _, values in search.settings)
    tried = {now: Tried(now, evaluate([now])[0])}
    for _ in range(PASSES):
        before = now
        for at, (_, values) in enumerate(search.settings):
            choices = [(*now[:at], value, *now[at + 1 :]) for value in values]
            new = [choice for choice in choices if choice not in tried]
            tried |= {choice: Tried(choice, found) for choice, found in zip(new, evaluate(new), strict=True)}
            best = max((tried[choice] for choice in choices), key=lambda one: one.mean)
            now = best.settings if best.mean >= tried[now].mean + MARGIN else now
        if now == before:
            break
    return Tuned(list(tried.values()), tried[now])


def overrides_of(search: Tuning, settings: Sequence[str]) -> tuple[str, ...]:
    """Return the overrides of a choice of settings; those that are the start's are left out."""
    chosen = zip(search.settings, settings, strict=True)
    return (*search.base, *(f"{name}={value}" for (name, values), value in chosen if value != values[0]))


def best_table(found: Sequence[tuple[Tuning, Tuned]]) -> Table:
    """Return a row per policy: its best settings, what they attain, and how much more than the start."""
    table = [["policy", "best settings", "wSAR", "start's", "less start's", "±", "tried"]]
    for search, (tried, best) in found:
        start = tried[0]
        gain = Spread.of(best.attainments[seed] - start.attainments[seed] for seed in best.attainments)
        numbers = [f"{best.mean:.4f}", f"{start.mean:.4f}", f"{gain.mean:+.4f}", gain.half(4)]
        settings = f"`{' '.join(overrides_of(search, best.settings))}`"
        table.append([search.policy, settings, *numbers, str(len(tried))])
    return table


def all_table(found: Sequence[tuple[Tuning, Tuned]]) -> Table:
    """Return a row per choice of settings that was tried, the best of each policy first."""
    table = [["policy", "settings", "wSAR"]]
    for search, (tried, _) in found:
        for one in sorted(tried, key=lambda one: -one.mean):
            table.append([search.policy, f"`{' '.join(overrides_of(search, one.settings))}`", f"{one.mean:.4f}"])
    return table


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = study_parser(
        "tune",
        "Find the best settings of every rule, on seeds that no table uses.",
        "--policy edf --seeds 2 workload.requests=100",
        seeds=3,
        first_seed=FIRST_SEED,
        directory=NEW,
    )
    parser.add_argument("--policy", action="append", default=[], help="name of a policy; repeat it (default: all)")
    return run_study(parser, _command, arguments)


def _command(options: argparse.Namespace) -> None:
    chosen = _chosen(options.policy)
    if options.first_seed < FIRST_SEED:
        raise ValueError(
            f"--first-seed is {options.first_seed}; tables use seeds below {FIRST_SEED}, tuning those above"
        )
    seeds = seeds_of(options)
    grid = [Cell(cell.label, (*cell.overrides, *options.overrides)) for cell in CELLS]
    refuse_renamed(options.overrides, CELLS)
    refuse_hidden(grid, [Policy(s.policy, (*s.base, *(name for name, _ in s.settings))) for s in chosen])
    config = {
        "cells": {cell.label: list(cell.overrides) for cell in grid},
        "searches": {search.policy: [list(search.base), dict(search.settings)] for search in chosen},
    }
    results: list[Result] = []
    found = []
    with open_study("tune", options, config, seeds, fresh=True) as study:
        for search in chosen:
            print(f"{search.policy}: {', '.join(name for name, _ in search.settings)}", file=sys.stderr, flush=True)
            evaluate = partial(_evaluate, search, grid, seeds, study.jobs, results)
            found.append((search, tune(search, evaluate)))
        study.table("best", best_table(found), f"Best settings: means over {len(grid)} cells and {len(seeds)} seeds")
        study.table("table", all_table(found), show=False)
        study.rows("runs", run_rows(results))


def _evaluate(
    search: Tuning,
    grid: Sequence[Cell],
    seeds: Sequence[int],
    jobs: Jobs,
    results: list[Result],
    choices: Sequence[tuple[str, ...]],
) -> list[Attainments]:
    """Serve every cell with every seed; runs are appended to ``results``."""
    policies = [Policy(" ".join(overrides), overrides) for overrides in (overrides_of(search, c) for c in choices)]
    new = run_all(grid, policies, seeds, jobs)
    results += new
    sars = {(r.policy, r.cell, r.seed): r.summary.weighted_sar for r in new}
    return [
        {seed: sum(sars[policy.name, cell.label, seed] for cell in grid) / len(grid) for seed in seeds}
        for policy in policies
    ]


def _chosen(names: Sequence[str]) -> list[Tuning]:
    known = {search.policy: search for search in SEARCHES}
    for name in names:
        if name not in known:
            raise ValueError(f"--policy is {name!r}; those that are tuned are {', '.join(known)}")
    return [known[name] for name in names] or list(SEARCHES)
