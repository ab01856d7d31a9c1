"""Optimal plans against greedy ones: every solver answers the rounds that a policy meets, and worse plans are carried out."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from experiments.cli import compose
from experiments.compare.answers import (
    Judged,
    ReferenceRun,
    RollOut,
    RunRounds,
    answer_run,
    find,
    roll_out_run,
    rule_of,
)
from experiments.compare.classes import CONFLICT_ORDER, LIVE_ORDER, SLACK_ORDER, conflict_class, live_class, slack_class
from experiments.compare.regret import (
    Judgements,
    costs_table,
    exact_table,
    kinds_table,
    rules_table,
    sentence,
    split_table,
)
from experiments.compare.regret_plots import draw_regret
from experiments.compare.sampling import best_answers, choose, pick_worse
from experiments.compare.saved import answer_rows, save_worst
from experiments.config.build import build
from experiments.config.solvers import BACKENDS
from experiments.studies.grid import Cell, Policy
from experiments.studies.policies import policy
from experiments.studies.study import Study
from planner.solvers.exact import Exact

RULES: tuple[Policy, ...] = tuple(policy(name) for name in ("tetriserve", "edf", "srtf", "moore"))
"""Greedy rules that plans are compared of; each plans the rounds that are met, whatever its own cadence."""
EXACT = ("highs", "cpsat", "scip", "cbc")
"""Solvers of programs; the first one stands in the tables of the rules, too."""
_A_RUN = 10
"""Rounds that are wanted of a run: so many seeds are taken."""


@dataclass(frozen=True)
class RoundComparison:
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
    """

    grid: Sequence[Cell]
    seeds: Sequence[int]
    reference: Policy
    rules: Sequence[Policy]
    rounds: int
    roll_outs: int

    def __post_init__(self) -> None:
        names = [*EXACT, *(rule.name for rule in self.rules)]
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise ValueError(f"two solvers are called {twice[0]}; the exact ones are {', '.join(EXACT)}")

    @property
    def runs(self) -> list[ReferenceRun]:
        """Return the runs, by seed and cell."""
        most = math.ceil(self.rounds / (_A_RUN * len(self.grid)))
        return [ReferenceRun(cell, seed, self.reference) for seed in self.seeds[:most] for cell in self.grid]

    @property
    def config(self) -> dict[str, Any]:
        """Return what is compared as plain data."""
        return {
            "rounds": self.rounds,
            "roll_outs": self.roll_outs,
            "reference": list(self.reference.overrides),
            "rules": {rule.name: list(rule.overrides) for rule in self.rules},
            "cells": {cell.label: list(cell.overrides) for cell in self.grid},
        }

    def check(self) -> None:
        """Build everything before the first run begins.

        Raises
        ------
        ValueError
            If something is wrong, or the runs would not repeat themselves.
        """
        for cell in self.grid:
            for rule in self.rules:
                if isinstance(rule_of(rule, cell), Exact):
                    raise ValueError(
                        f"--policy {rule.name} is an exact solver; with --rounds, {', '.join(EXACT)} answer in any case, and "
                        "--policy names rules: dp, edf, srtf, fixed or rssp"
                    )
            config = compose([*cell.overrides, *self.reference.overrides])
            if config["engine"]["kind"] != "simulated" or config["engine"].get("latency") == "measured":
                raise ValueError(
                    "--rounds makes runs again, and compares what becomes of them: use engine=simulated, with "
                    "engine.latency=zero or fixed"
                )
            build(config)


def installed() -> list[str]:
    """Return the names of the solvers of programs that are installed."""
    names = []
    for name in EXACT:
        try:
            BACKENDS[name]()
        except ImportError:
            continue
        names.append(name)
    return names


def compare_rounds(comparison: RoundComparison, study: Study) -> Judgements:
    """Do a comparison that passed its check, write everything, and print the tables.

    Raises
    ------
    ValueError
        If no round has a choice.
    """
    exact = installed()
    runs = comparison.runs
    found = study.jobs.do("runs", find, [(run,) for run in runs], RunRounds)
    chosen = choose(found, comparison.rounds)
    work = [(run, numbers, comparison.rules, exact) for run, numbers in zip(runs, chosen, strict=True) if numbers]
    if not work:
        raise ValueError(
            f"none of the rounds that {comparison.reference.name} met has a choice; raise workload.rate or workload.requests"
        )
    judged = [j for answers in study.jobs.do("answers", answer_run, work, list[Judged]) for j in answers]
    best = best_answers(judged)
    picked = pick_worse(judged, comparison.roll_outs)
    by_run = {(run.cell.label, run.seed): run for run in runs}
    pairs = [
        (by_run[key], [(j, best[j.answered.program, j.round_].answered.assignments) for j in own])
        for key, own in picked.items()
    ]
    roll_outs = [r for rolled in study.jobs.do("roll-outs", roll_out_run, pairs, list[RollOut]) for r in rolled]
    kinds: dict[str, Counter[str]] = {}
    for one in found:
        for program, counts in one.kinds.items():
            kinds.setdefault(program, Counter()).update(counts)
    outcome = Judgements(judged, roll_outs, kinds, len(runs))
    _write(comparison, outcome, study)
    save_worst(judged, by_run, comparison.grid, study)
    return outcome


def _write(comparison: RoundComparison, outcome: Judgements, study: Study) -> None:
    """Write everything but the worst rounds, and print it."""
    against = "Mean regret (share optimal)"
    reference = comparison.reference.name
    study.table("kinds", kinds_table(outcome), f"Rounds that {reference} met, and how many have a choice")
    study.table("exact", exact_table(outcome), "Exact solvers, on the same programs")
    study.table("rules", rules_table(outcome), "Greedy rules and the first exact solver, against the proven optimum")
    study.table("by_live", split_table(outcome, "live requests", live_class, LIVE_ORDER), against)
    study.table("by_slack", split_table(outcome, "slack", slack_class, SLACK_ORDER), against)
    study.table("by_conflict", split_table(outcome, "rounds where", conflict_class, CONFLICT_ORDER), against)
    study.table("costs", costs_table(outcome), f"What worse plans cost, {reference} deciding afterwards")
    study.rows("answers.csv.gz", answer_rows(outcome.judged))
    if outcome.roll_outs:
        study.rows("roll_outs", outcome.roll_outs)
    study.write("regret.png", lambda path: draw_regret(outcome, path))
    text = sentence(outcome)
    study.write("sentence.md", lambda path: path.write_text(text + "\n", encoding="utf-8"))
    for program in outcome.programs:
        count = len({j.round_ for j in outcome.judged if j.answered.program == program})
        if count < comparison.rounds:
            print(
                f"Only {count} rounds of the {program} program have a choice, of {comparison.rounds}; give more --seeds"
            )
    print(text)
