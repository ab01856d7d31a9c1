"""``python -m experiments.instances``: record, list, solve and check the library of rounds."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from experiments.cli import Parser, count, guarded, positive
from experiments.config.objectives import SHIPPED
from experiments.config.programs import PROGRAMS
from experiments.config.solvers import BACKENDS
from experiments.instances.evaluate import Solved, as_known, gap_to, solve_all
from experiments.instances.library import (
    LIBRARY,
    TOLERANCE,
    Instance,
    Known,
    LibraryError,
    improve,
    load_library,
    read_known,
    write_known,
)
from experiments.instances.plot import OPTIMAL_GAP, draw_performance
from experiments.instances.record import SOURCES, Recording, record_all
from experiments.results.percentile import percentile
from experiments.results.text import Table, print_table
from experiments.studies.study import open_study
from planner.backends.load import load_backend
from planner.backends.protocol import Backend
from planner.load import LoadError


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""

    def command() -> int:
        options = _parser().parse_args(arguments)
        return int(options.command(options))

    return guarded(command)


def _record(options: argparse.Namespace) -> int:
    def tell(source: Recording) -> None:
        print(f"recorded {source.name}: {' '.join(source.overrides)}")

    _refuse_shipped("record", options)
    made = record_all(options.library, options.count, on_source=tell)
    print(f"{made} instances of {len(SOURCES)} sources are in {options.library}; now run the command `prove`")
    return 0


def _refuse_shipped(command: str, options: argparse.Namespace) -> None:
    if options.library == LIBRARY and not options.overwrite:
        raise ValueError(
            f"{command} writes into --library, by default the shipped one; name another directory, or add --overwrite"
        )


def _list(options: argparse.Namespace) -> int:
    rows = sorted(read_known(options.library), key=lambda k: (k.program, k.seconds))
    if not rows:
        raise LibraryError(f"{options.library}: nothing is known of its instances; run the command `prove`")
    table: Table = [
        ["instance", "program", "jobs", "GPUs", "variables", "rows", "best value", "bound", "gap", "s to prove"]
    ]
    table += [
        [
            k.instance, k.program, str(k.jobs), str(k.gpus), str(k.variables), str(k.rows),
            f"{k.value:.6g}", f"{k.bound:.6g}", f"{k.gap:.2%}", f"{k.seconds:.3g}",
        ]
        for k in rows
    ]  # fmt: skip
    print_table(table, "The library, easy instances first")
    return 0


def _prove(options: argparse.Namespace) -> int:
    _refuse_shipped("prove", options)
    known = read_known(options.library)
    instances = load_library(options.library)
    for program in options.program or list(PROGRAMS):
        for solver in options.solver or [_backend("cpsat")]:
            solved = _run(instances, program, options.objective, solver, options.budget)
            known = improve(known, as_known(solved, options.objective))
    write_known(known, options.library)
    closed = sum(k.gap <= OPTIMAL_GAP for k in known)
    print(f"{closed} of {len(known)} values are proven optimal; the largest gap is {max(k.gap for k in known):.2%}")
    return 0


def _solve(options: argparse.Namespace) -> int:
    if options.overwrite and options.output is None:
        raise ValueError("--overwrite is about the directory of --output, which is not given")
    known = {(k.instance, k.program, k.objective): k for k in read_known(options.library)}
    instances, programs = load_library(options.library), options.program or list(PROGRAMS)
    for instance in instances:
        for program in programs:
            if (instance.name, program, options.objective) not in known:
                raise LibraryError(
                    f"nothing is known of {instance.name}, program {program}, for objective {options.objective}; run "
                    "the command `prove` first"
                )
    solvers = list({solver.name: solver for solver in options.solver or [_backend("cpsat")]}.values())
    asked = {"solvers": [solver.name for solver in solvers], "objective": options.objective, "budget": options.budget}
    with open_study("instances", options, asked) as study:
        solved = [
            answer
            for program in programs
            for solver in solvers
            for answer in _run(instances, program, options.objective, solver, options.budget)
        ]
        study.table(
            "table",
            _solved_table(solved, known, options.objective),
            f"{len(instances)} rounds, {options.budget:g} s each",
        )
        print("solved: the value equals the best bound known; proven: the solver itself proved it")
        study.rows("answers", solved)
        study.write("performance.png", lambda path: draw_performance(solved, known, options.objective, path))
    return 1 if any(s.status == "failed" for s in solved) else 0


def _solved_table(solved: Sequence[Solved], known: Mapping[tuple[str, str, str], Known], objective: str) -> Table:
    """Return a row per program and solver."""
    table = [["program", "solver", "solved", "proven", "failed", "mean gap", "max gap", "p50 ms", "p99 ms", "max ms"]]
    for program, solver in dict.fromkeys((s.program, s.solver) for s in solved):
        own = [s for s in solved if (s.program, s.solver) == (program, solver)]
        gaps = [gap_to(s, known[s.instance, s.program, objective]) for s in own]
        times = [1e3 * s.seconds for s in own]
        table.append(
            [
                program,
                solver,
                f"{sum(gap <= OPTIMAL_GAP for gap in gaps)}/{len(own)}",
                f"{sum(s.status == 'optimal' for s in own)}/{len(own)}",
                str(sum(s.status == "failed" for s in own)),
                f"{sum(gaps) / len(gaps):.3%}",
                f"{max(gaps):.2%}",
                *(f"{percentile(times, percent):.1f}" for percent in (50, 99, 100)),
            ]
        )
    return table


def _check(options: argparse.Namespace) -> int:
    """Recompute every value and bound, and name those that are wrong."""
    instances = {instance.name: instance for instance in load_library(options.library)}
    known = read_known(options.library)
    if not known:
        raise LibraryError(f"{options.library}: nothing is known of its instances; run the command `prove`")
    wrong: list[str] = []
    named = {k.instance for k in known}
    wrong += [f"{name}: nothing is known of it" for name in instances if name not in named]
    wrong += [f"{name}: known, but there is no such instance" for name in named if name not in instances]
    groups: dict[tuple[str, str], list[Known]] = {}
    for k in known:
        if k.value > k.bound + TOLERANCE * max(1.0, abs(k.bound)):
            wrong.append(f"{k.instance}, {k.program}: value {k.value!r} exceeds bound {k.bound!r}")
        groups.setdefault((k.program, k.objective), []).append(k)
    for (program, objective), rows in groups.items():
        own = [instances[k.instance] for k in rows if k.instance in instances]
        answers = {s.instance: s for s in _run(own, program, objective, _backend("cpsat"), options.budget)}
        for k in rows:
            s = answers.get(k.instance)
            if s is None:
                continue
            scale = TOLERANCE * max(1.0, abs(k.bound))
            if s.status == "failed":
                wrong.append(f"{k.instance}, {program}: {s.note}")
            elif s.value > k.bound + scale:
                wrong.append(f"{k.instance}, {program}: a point is worth {s.value!r}, above the bound {k.bound!r}")
            elif s.bound is not None and s.bound < k.value - scale:
                wrong.append(f"{k.instance}, {program}: proven at most {s.bound!r}, below the best value {k.value!r}")
    for message in wrong:
        print(f"wrong: {message}")
    print(f"{len(instances)} instances, {len(known)} values: {'all right' if not wrong else f'{len(wrong)} wrong'}")
    return 1 if wrong else 0


def _run(instances: Sequence[Instance], program: str, objective: str, backend: Backend, budget: float) -> list[Solved]:
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(f"{program}, {backend.name}", total=len(instances))
        return solve_all(
            instances, program, PROGRAMS[program](), SHIPPED[objective](), backend, budget, lambda _: bar.advance(task)
        )


def _backend(text: str) -> Backend:
    """Make a shipped solver by name, or one of the user's: FILE.py, or FILE.py:CLASS."""
    if text in BACKENDS:
        return BACKENDS[text]()
    file, _, name = text.rpartition(":") if text.rpartition(":")[0].endswith(".py") else (text, "", "")
    if not file.endswith(".py"):
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(BACKENDS)}, and no FILE.py or FILE.py:CLASS")
    try:
        return load_backend(file, name)
    except LoadError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m experiments.instances",
        description="Rounds met in real runs, as a benchmark for solvers (docs/instances.md).",
        epilog="example: python -m experiments.instances solve --solver cpsat --solver highs --budget 0.01",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: object, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.add_argument(
            "--library", type=Path, default=LIBRARY, help="directory of the instances (default: the shipped ones)"
        )
        sub.set_defaults(command=command)
        return sub

    record = add("record", _record, "record rounds from runs of every workload")
    record.add_argument("--overwrite", action="store_true", help="write into the shipped library")
    record.add_argument("--count", type=count, default=6, help="rounds per workload (default 6)")
    add("list", _list, "print every instance with its size, best known value, bound and difficulty")
    check = add("check", _check, "recompute every value and bound")
    check.add_argument("--budget", type=positive, default=10.0, help="seconds per instance (default 10)")
    for name, command, text, budget in (
        ("solve", _solve, "solve all instances with one or more solvers; print gap and time", 0.010),
        ("prove", _prove, "improve the table of best values and bounds", 60.0),
    ):
        sub = add(name, command, text)
        sub.add_argument(
            "--solver",
            action="append",
            type=_backend,
            help=f"{', '.join(BACKENDS)}, or your own: FILE.py, FILE.py:CLASS; repeat it (default cpsat)",
        )
        sub.add_argument("--program", action="append", choices=list(PROGRAMS), help="repeat it (default: all)")
        sub.add_argument("--objective", default="on_time", choices=list(SHIPPED), help="default on_time")
        sub.add_argument("--budget", type=positive, default=budget, help=f"seconds per instance (default {budget:g})")
        if name == "prove":
            sub.add_argument("--overwrite", action="store_true", help="write into the shipped library")
        else:
            sub.add_argument("--output", type=Path, help="directory for answers.csv and performance.png")
            sub.add_argument("--overwrite", action="store_true", help="replace earlier results of this command there")
            sub.set_defaults(resume=False, jobs=1, on="cores")
    return parser


if __name__ == "__main__":
    sys.exit(main())
