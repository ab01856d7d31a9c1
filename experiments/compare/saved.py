"""What a comparison on rounds leaves on disk beside its tables: answers, roll-outs, and the worst rounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from experiments.compare.answers import Judged, ReferenceRun
from experiments.compare.met import meet
from experiments.compare.regret_plots import draw_plans
from experiments.compare.sampling import best_answers, worse_answers
from experiments.instances.library import trimmed
from experiments.studies.grid import Cell
from experiments.studies.study import Study

WORST = 10
"""Rounds that are saved and drawn."""


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """An answer in ``answers.csv.gz``."""

    cell: str
    seed: int
    round: int
    program: str
    solver: str
    live: int
    timely: int
    slack: float
    conflict: bool
    optimum: float
    proven: bool
    worth: float
    regret: float
    regret_to_the_end: float | None
    status: str
    value: float | None
    bound: float | None
    cpu_seconds: float


def answer_rows(judged: Sequence[Judged]) -> list[AnswerRow]:
    """Return a row per answer."""
    return [
        AnswerRow(
            j.cell, j.seed, j.number, j.answered.program, j.answered.solver, j.live, j.timely, float(f"{j.slack:.4g}"),
            j.conflict, j.optimum, j.proven, j.answered.worth, j.answered.regret, j.answered.alone, j.answered.status,
            j.answered.value, j.answered.bound, float(f"{j.answered.seconds:.3g}"),
        )
        for j in judged
    ]  # fmt: skip


def save_worst(
    judged: Sequence[Judged], runs: Mapping[tuple[str, int], ReferenceRun], grid: Sequence[Cell], study: Study
) -> None:
    """Save the rounds in which a rule's decision loses most, each with a picture of its plan above the best one.

    Of those that lose as much, the rounds of the lookahead program come first: there, what is lost are deadlines.
    """
    best = best_answers(judged)
    titles = {cell.label: cell.title for cell in grid}
    worse = sorted(worse_answers(judged), key=_rank)
    worst = list({j.round_: j for j in reversed(worse)}.values())[::-1][:WORST]
    for rank, j in enumerate(worst, start=1):
        setup = runs[j.cell, j.seed].setup()
        round_ = meet(setup).rounds[j.number]
        a = j.answered
        stem = f"worst/{rank:02d}-{a.program}-{a.solver}-jobs{j.live}"
        study.write(f"{stem}.json", trimmed(round_).save)
        optimal = best[a.program, j.round_].answered
        plans = [(a.solver, a.assignments), ("optimal" if optimal.optimal else "best found", optimal.assignments)]
        title = f"{titles[j.cell]}, seed {j.seed}, {round_.now:.1f} s: {a.solver} loses {a.regret:.3g} ({a.program} program)"
        study.write(f"{stem}.png", partial(draw_plans, round_, plans, setup.service.solver, title))


def _rank(judged: Judged) -> tuple[float, bool, float, int]:
    answered = judged.answered
    return -answered.regret, answered.program != "lookahead", -(answered.alone or 0.0), -judged.timely
