"""The command line of comparisons.

Without arguments it makes the table of the README: every policy on the main job's workload, over five paired seeds.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from experiments.cli import count, positive, whole
from experiments.compare.rounds import RULES, RoundComparison, compare_rounds
from experiments.compare.runs import Contest, compare
from experiments.studies.bound import TIME_LIMIT
from experiments.studies.grid import Policy, described
from experiments.studies.hidden import refuse_hidden
from experiments.studies.naming import add_grid, axis_of, grid_of, policy_of
from experiments.studies.options import NEW, seeds_of, study_parser
from experiments.studies.policies import POLICIES
from experiments.studies.study import open_study, run_study

REFERENCES: tuple[Policy, ...] = (
    Policy("lookahead", ("solver=highs", "program=lookahead")),
    Policy("assignment", ("solver=highs", "program=assignment")),
)
"""Who may meet the rounds of a comparison on rounds, beside the rules."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return run_study(_parser(), _command, arguments)


def _command(options: argparse.Namespace) -> None:
    _refuse(options)
    policies = [policy_of(text) for text in options.policy]
    axes = [axis_of(text) for text in options.sweep]
    if options.rounds and not (options.cell or axes or options.overrides):
        options.grid = True
    grid = grid_of(options, axes)
    seeds = seeds_of(options)
    refuse_hidden(grid, policies or ([] if options.rounds else list(POLICIES)))
    if options.rounds:
        rounds = RoundComparison(
            grid=grid,
            seeds=seeds,
            reference=_reference(options.rounds_of or "lookahead"),
            rules=policies or RULES,
            rounds=options.rounds,
            roll_outs=100 if options.roll_outs is None else options.roll_outs,
        )
        rounds.check()
        with open_study(
            "compare", options, rounds.config, sorted({run.seed for run in rounds.runs}), fresh=True
        ) as study:
            compare_rounds(rounds, study)
        return
    policies = policies or list(POLICIES)
    comparison = Contest(
        grid=grid,
        policies=policies,
        seeds=seeds,
        reference=options.reference or policies[0].name,
        timelines=_names(options.timelines),
        bound=(options.time_limit or TIME_LIMIT) if options.bound else None,
    )
    with open_study("compare", options, described(grid, policies), seeds, fresh=True) as study:
        compare(comparison, study)


def _refuse(options: argparse.Namespace) -> None:
    """Refuse options that would be given and not used."""
    if options.time_limit and not options.bound:
        raise ValueError("--time-limit goes with --bound, which is not given")
    if not options.rounds:
        for name, value in (("--rounds-of", options.rounds_of), ("--roll-outs", options.roll_outs)):
            if value is not None:
                raise ValueError(f"{name} goes with --rounds, which is not given")
        return
    for name, value in (
        ("--bound", options.bound),
        ("--reference", options.reference),
        ("--timelines", options.timelines),
    ):
        if value:
            raise ValueError(f"{name} is about whole runs; with --rounds, leave it out")
    for override in options.overrides:
        if override.startswith(("solver=", "program=", "solver.", "program.")):
            raise ValueError(
                f"{override} says who decides; with --rounds, use --rounds-of 'NAME:{override}' for who meets the rounds, or "
                f"--policy 'NAME:{override}' for a rule to compare"
            )


def _reference(text: str) -> Policy:
    """Read who meets the rounds: a name of :data:`REFERENCES` or of a rule, or NAME:OVERRIDES."""
    known = {policy.name: policy for policy in (*REFERENCES, *RULES)}
    if text in known:
        return known[text]
    if ":" not in text:
        raise ValueError(
            f"--rounds-of is {text!r}; use {', '.join(known)}, or NAME:OVERRIDES, for example "
            "'mine:solver=cpsat solver.budget_ms=50'"
        )
    return policy_of(text)


def _names(text: str | None) -> tuple[str, ...] | None:
    """Read the names after --timelines: none at all, NONE, or names with commas between."""
    if text is None:
        return None
    return () if text == "none" else tuple(name.strip() for name in text.split(","))


def _parser() -> argparse.ArgumentParser:
    parser = study_parser(
        "compare",
        "Serve the same requests with several policies, and compare. Without arguments: the README's table.",
        "--policy 'greedy:solver=dp' --policy 'exact:solver=cpsat' --sweep workload.rate=6,12,18 --seeds 10 "
        "workload=skewed; python -m experiments.compare --rounds 200",
        seeds=5,
        directory=NEW,
    )
    parser.add_argument(
        "--policy",
        action="append",
        default=[],
        help="a shipped policy's NAME, or NAME:OVERRIDES; repeat it (default: all shipped)",
    )
    parser.add_argument("--sweep", action="append", default=[], help="KEY=VALUE,VALUE,...: an axis of cells; repeat it")
    add_grid(parser)
    rounds = parser.add_argument_group(
        "optimal against greedy plans",
        "With --rounds N, every exact solver and every rule answers the same rounds, met by a policy that serves "
        "well; plans are set against the proven optimum of two programs, the one-round assignment and the "
        "lookahead over the whole backlog. Only rounds with a choice count: two live requests can be on time if "
        "they are alone, and beginning nothing is worth less than the optimum. A worse plan is carried out in its "
        "run, beside an optimal one. The cells are those of --sweep or --cell, that of the overrides, or, without "
        "any of them, the paper's grid; --policy names rules in place of "
        f"{', '.join(rule.name for rule in RULES)}.",
    )
    rounds.add_argument(
        "--rounds", type=count, metavar="N", help="compare plans for N rounds with a choice of each program, not runs"
    )
    rounds.add_argument(
        "--rounds-of",
        metavar="POLICY",
        help="who meets the rounds, and decides after a plan that is carried out: lookahead (default), assignment, a rule, "
        "or NAME:OVERRIDES",
    )
    rounds.add_argument(
        "--roll-outs", type=whole, metavar="N", help="worse plans of each rule and program to carry out (default 100)"
    )
    parser.add_argument("--bound", action="store_true", help="add the clairvoyant bound of the runs of every cell")
    parser.add_argument(
        "--time-limit", type=positive, help=f"seconds for each bound, by counts (default {TIME_LIMIT:g})"
    )
    parser.add_argument(
        "--reference", help="policy that the others are compared with, pair by pair (default: the first)"
    )
    parser.add_argument(
        "--timelines",
        metavar="NAME,NAME",
        help="policies whose timelines are drawn one above the other (default: the reference and the best other); none",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
