"""Optimal plans against greedy ones: every solver answers the rounds that a policy meets, and worse plans are carried out."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from experiments.build import build
from experiments.build_solver import BACKENDS
from experiments.cli import compose
from experiments.compare.answers import Run, answer_run, find, roll_out_run
from experiments.compare.classes import CONFLICT_ORDER, LIVE_ORDER, SLACK_ORDER, conflict_class, live_class, slack_class
from experiments.compare.regret import (
    Outcome,
    costs_table,
    exact_table,
    kinds_table,
    rules_table,
    sentence,
    split_table,
)
from experiments.compare.regret_plots import draw_regret
from experiments.compare.sampling import best_answers, choose, pick_worse
from experiments.compare.saved import save_worst, write_answers, write_roll_outs
from experiments.results import manifest
from experiments.results.text import Table, markdown, print_table
from experiments.results.writer import write_json
from experiments.studies.grid import Cell, Policy
from experiments.studies.policies import policy
from planner.backends.protocol import Backend
from planner.solvers.exact import Exact
from planner.solvers.protocol import Solver

RULES: tuple[Policy, ...] = tuple(policy(name) for name in ("tetriserve", "edf", "srtf", "moore"))
"""Greedy rules that plans are compared of; each plans the rounds that are met, whatever its own cadence."""
EXACT = ("highs", "cpsat", "scip", "cbc")
"""Solvers of programs; the first one stands in the tables of the rules, too."""
_A_RUN = 10
"""Rounds that are wanted of a run: so many seeds are taken."""
_T = TypeVar("_T")


@dataclass(frozen=True)
class Study:
    """What to compare.

    Parameters
    ----------
    grid, seeds
        A run of the reference per cell and seed; of the seeds, as many as give each run ten rounds.
    reference
        Meets the rounds, and decides after a plan that is carried out.
    rules
        Whose plans are compared with optimal ones.
    rounds
        Rounds with a choice, for each program.
    roll_outs
        Worse plans of each rule and program that are carried out, at most.
    jobs
        Processes; -1 for one per core.
    """

    grid: Sequence[Cell]
    seeds: Sequence[int]
    reference: Policy
    rules: Sequence[Policy]
    rounds: int
    roll_outs: int
    jobs: int = -1

    def __post_init__(self) -> None:
        names = [*EXACT, *(rule.name for rule in self.rules)]
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise ValueError(f"two solvers are called {twice[0]}; the exact ones are {', '.join(EXACT)}")

    @property
    def runs(self) -> list[Run]:
        """Return the runs, by seed and cell."""
        most = math.ceil(self.rounds / (_A_RUN * len(self.grid)))
        return [Run(cell, seed, self.reference) for seed in self.seeds[:most] for cell in self.grid]

    def rules_of(self, cell: Cell) -> dict[str, Solver]:
        """Make the rules for a cell.

        Raises
        ------
        ValueError
            If one of them is an exact solver: these answer by themselves.
        """
        made = {}
        for rule in self.rules:
            solver = build(compose([*cell.overrides, *rule.overrides])).service.solver
            if isinstance(solver, Exact):
                raise ValueError(
                    f"--policy {rule.name} is an exact solver; with --rounds, {', '.join(EXACT)} answer in any case, and "
                    "--policy names rules: dp, edf, srtf, fixed or rssp"
                )
            made[rule.name] = solver
        return made

    def check(self) -> None:
        """Build everything before the first run begins.

        Raises
        ------
        ValueError
            If something is wrong, or the runs would not repeat themselves.
        """
        for cell in self.grid:
            self.rules_of(cell)
            config = compose([*cell.overrides, *self.reference.overrides])
            if config["engine"]["kind"] != "simulated" or config["engine"].get("latency") == "measured":
                raise ValueError(
                    "--rounds makes runs again, and compares what becomes of them: use engine=simulated, with "
                    "engine.latency=zero or fixed"
                )
            build(config)


def exact_solvers() -> dict[str, Backend]:
    """Return the solvers of programs that are installed."""
    made: dict[str, Backend] = {}
    for name in EXACT:
        try:
            made[name] = BACKENDS[name]()
        except ImportError:
            continue
    return made


def compare_rounds(study: Study, directory: Path) -> Outcome:
    """Do a study that passed its check, write everything into a directory that is there, and print the tables.

    Raises
    ------
    ValueError
        If no round has a choice.
    """
    started = datetime.now(UTC)
    exact = exact_solvers()
    runs = study.runs
    found = _in_parallel("runs", find, [(run,) for run in runs], study.jobs)
    chosen = choose(found, study.rounds)
    rules = {cell.label: study.rules_of(cell) for cell in study.grid}
    work = [(run, numbers, rules[run.cell.label], exact) for run, numbers in zip(runs, chosen, strict=True) if numbers]
    if not work:
        raise ValueError(
            f"none of the rounds that {study.reference.name} met has a choice; raise workload.rate or workload.requests"
        )
    judged = [j for answers in _in_parallel("answers", answer_run, work, study.jobs) for j in answers]
    best = best_answers(judged)
    picked = pick_worse(judged, study.roll_outs)
    by_run = {(run.cell.label, run.seed): run for run in runs}
    pairs = [
        (by_run[key], [(j, best[j.answered.program, j.round_].answered.assignments) for j in own])
        for key, own in picked.items()
    ]
    roll_outs = [r for rolled in _in_parallel("roll-outs", roll_out_run, pairs, study.jobs) for r in rolled]
    kinds: Counter[tuple[str, str]] = Counter()
    for one in found:
        kinds.update(one.kinds)
    outcome = Outcome(judged, roll_outs, kinds, len(runs))
    _write(study, outcome, directory, started)
    save_worst(judged, by_run, directory / "worst")
    return outcome


def _in_parallel(what: str, function: Callable[..., _T], work: Sequence[tuple[Any, ...]], jobs: int) -> list[_T]:
    """Spread calls over the cores, with a bar that counts them."""
    from joblib import Parallel, delayed
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    results: list[_T] = []
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=len(work))
        for result in Parallel(n_jobs=jobs, return_as="generator")(delayed(function)(*one) for one in work):
            results.append(result)
            bar.advance(task)
    return results


def _write(study: Study, outcome: Outcome, directory: Path, started: datetime) -> None:
    """Write everything but the worst rounds, and print it."""
    tables: dict[str, tuple[Table, str]] = {
        "kinds": (kinds_table(outcome), f"Rounds that {study.reference.name} met, and how many have a choice"),
        "exact": (exact_table(outcome), "Exact solvers, on the same programs"),
        "rules": (rules_table(outcome), "Greedy rules and the first exact solver, against the proven optimum"),
        "by_live": (split_table(outcome, "live requests", live_class, LIVE_ORDER), "Mean regret (share optimal)"),
        "by_slack": (split_table(outcome, "slack", slack_class, SLACK_ORDER), "Mean regret (share optimal)"),
        "by_conflict": (
            split_table(outcome, "rounds where", conflict_class, CONFLICT_ORDER),
            "Mean regret (share optimal)",
        ),
        "costs": (costs_table(outcome), f"What worse plans cost, {study.reference.name} deciding afterwards"),
    }
    for name, (table, title) in tables.items():
        (directory / f"{name}.md").write_text(markdown(table))
        print_table(table, title)
    write_answers(outcome.judged, directory / "answers.csv.gz")
    write_roll_outs(outcome.roll_outs, directory / "roll_outs.csv")
    draw_regret(outcome, directory / "regret.png")
    text = sentence(outcome)
    (directory / "sentence.md").write_text(text + "\n")
    config: dict[str, Any] = {
        "rounds": study.rounds,
        "roll_outs": study.roll_outs,
        "reference": list(study.reference.overrides),
        "rules": {rule.name: list(rule.overrides) for rule in study.rules},
        "cells": {cell.label: list(cell.overrides) for cell in study.grid},
    }
    seeds = {f"seed {run.seed}": run.seed for run in study.runs}
    write_json(manifest(config, seeds, started, datetime.now(UTC)), directory / "manifest.json")
    for program in outcome.programs:
        count = len({j.round_ for j in outcome.judged if j.answered.program == program})
        if count < study.rounds:
            print(f"Only {count} rounds of the {program} program have a choice, of {study.rounds}; give more --seeds")
    files = [
        *(f"{name}.md" for name in tables),
        "answers.csv.gz",
        "roll_outs.csv",
        "regret.png",
        "worst/",
        "manifest.json",
    ]
    print(text)
    print(f"Results are in {directory}: sentence.md, {', '.join(files)}")
