"""What a comparison on rounds leaves on disk beside its tables: answers, roll-outs, and the worst rounds."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from experiments.compare.answers import Judged, RollOut, Run
from experiments.compare.met import meet
from experiments.compare.regret_plots import draw_plans
from experiments.compare.sampling import best_answers, worse_answers
from experiments.instances.library import trimmed

WORST = 10
"""Rounds that are saved and drawn."""


def write_answers(judged: Sequence[Judged], path: Path) -> None:
    """Write a line per answer, compressed; equal answers give equal bytes but for the times."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        [
            "cell", "seed", "round", "program", "solver", "live", "timely", "slack", "conflict", "optimum", "proven",
            "worth", "regret", "regret_to_the_end", "status", "value", "bound", "cpu_seconds",
        ]
    )  # fmt: skip
    for j in judged:
        a = j.answered
        writer.writerow(
            [
                j.cell, j.seed, j.number, a.program, a.solver, j.live, j.timely, f"{j.slack:.4g}", int(j.conflict), j.optimum,
                int(j.proven), a.worth, a.regret, a.alone, a.status, a.value, a.bound, f"{a.seconds:.3g}",
            ]
        )  # fmt: skip
    path.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))


def write_roll_outs(roll_outs: Sequence[RollOut], path: Path) -> None:
    """Write a line per plan that was carried out."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["cell", "seed", "round", "program", "rule", "regret", "lost"])
        writer.writerows([r.cell, r.seed, r.number, r.program, r.rule, r.regret, r.lost] for r in roll_outs)


def save_worst(judged: Sequence[Judged], runs: Mapping[tuple[str, int], Run], directory: Path) -> None:
    """Save the rounds in which a rule's decision loses most, each with a picture of its plan above the best one.

    Of those that lose as much, the rounds of the lookahead program come first: there, what is lost are deadlines.
    """
    best = best_answers(judged)
    worse = sorted(worse_answers(judged), key=_rank)
    worst = list({j.round_: j for j in reversed(worse)}.values())[::-1][:WORST]
    directory.mkdir(exist_ok=True)
    for old in (*directory.glob("[0-9][0-9]-*.json"), *directory.glob("[0-9][0-9]-*.png")):
        old.unlink()
    for rank, j in enumerate(worst, start=1):
        setup = runs[j.cell, j.seed].setup()
        round_ = meet(setup).rounds[j.number]
        a = j.answered
        stem = f"{rank:02d}-{a.program}-{a.solver}-jobs{j.live}"
        trimmed(round_).save(directory / f"{stem}.json")
        optimal = best[a.program, j.round_].answered
        plans = [(a.solver, a.assignments), ("optimal" if optimal.optimal else "best found", optimal.assignments)]
        title = f"{j.cell}, seed {j.seed}, {round_.now:.1f} s: {a.solver} loses {a.regret:.3g} ({a.program} program)"
        draw_plans(round_, plans, setup.service.solver, title, directory / f"{stem}.png")


def _rank(judged: Judged) -> tuple[float, bool, float, int]:
    answered = judged.answered
    return -answered.regret, answered.program != "lookahead", -(answered.alone or 0.0), -judged.timely
