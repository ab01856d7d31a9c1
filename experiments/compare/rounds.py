"""Policies on the same rounds: each answers every round that the first one meets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from experiments.build import build
from experiments.cli import compose
from experiments.compare.answers import answer_all, rounds_of
from experiments.compare.plots import draw_answers
from experiments.compare.tables import rounds_table, write_answers
from experiments.grid import Policy
from experiments.tables import markdown, print_table


def compare_rounds(
    policies: Sequence[Policy], overrides: Sequence[str], seed: int, rounds: int, directory: Path
) -> None:
    """Let every policy answer up to ``rounds`` rounds of a run of the first; write table, plot and answers.

    Raises
    ------
    ValueError
        If the run met no round with two jobs.
    """
    from rich.console import Console
    from rich.progress import Progress

    setups = [build(compose([*overrides, *policy.overrides]) | {"seed": seed}) for policy in policies]
    met = rounds_of(setups[0], rounds)
    if not met:
        raise ValueError(
            "the reference run met no round with two jobs or more; raise workload.rate or workload.requests"
        )
    solvers = [(p.name, setup.service.solver, setup.service.budget) for p, setup in zip(policies, setups, strict=True)]
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("answers", total=len(met) * len(solvers))
        answers = answer_all(met, solvers, on_answer=lambda answer: bar.advance(task))
    names = [policy.name for policy in policies]
    table = rounds_table(answers, names)
    (directory / "table.md").write_text(markdown(table))
    write_answers(answers, directory / "answers.csv")
    draw_answers(answers, names, directory / "rounds.png")
    print_table(table, f"{len(met)} rounds of {names[0]}; value: weighted survivors, relative to all jobs waiting")
    print(f"Results are in {directory}: table.md, answers.csv, rounds.png")
