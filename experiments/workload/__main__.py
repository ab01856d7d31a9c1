"""Generate, check, convert and export traces: ``python -m experiments.workload generate``, and so on."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from experiments.workload.arrivals import Arrivals, Gamma, Piecewise
from experiments.workload.convert import Conversion, Converted, convert
from experiments.workload.deadlines import (
    DEADLINES,
    PAPER_GPU,
    PAPER_MODEL,
    REFERENCE_GPUS,
    Targets,
    paper_slo,
    slo_rule,
)
from experiments.workload.export import export_mooncake
from experiments.workload.formats import FIELDS, FORMATS
from experiments.workload.generate import Drift, generate
from experiments.workload.mixes import Mix, named_mix, named_mixes
from experiments.workload.serve import DEFAULT_PROFILE, hopeless, servable
from experiments.workload.summary import summary_tables
from experiments.workload.tables import read_table
from experiments.workload.trace import read_trace, write_trace
from experiments.workload.workload import Workload, rescale
from profiles import UNKNOWN_SHAPES, Profile, Shape, extended, load_profile
from profiles.command_line import Parser, count, guarded, positive, refuse_existing, whole


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status, 2 after an error."""
    return guarded(lambda: _command(_parser().parse_args(arguments)))


def _command(options: argparse.Namespace) -> int:
    console = Console()
    workload, faults = _COMMANDS[options.command](options, console)
    for table in summary_tables(workload):
        console.print(table)
    console.print(f"deadlines: {workload.parameters['deadlines']}", highlight=False, soft_wrap=True)
    for fault in faults:
        print(f"error: {fault}", file=sys.stderr)
    return 2 if faults else 0


_Answer = tuple[Workload, Sequence[str]]
"""A workload to describe, and why it cannot be served, if so."""


def _generate(options: argparse.Namespace, console: Console) -> _Answer:
    refuse_existing("--output", options.output, options.overwrite)
    if options.pieces is not None and options.rate is not None:
        raise ValueError(f"--pieces has rates, so --rate {options.rate:g} would not be used; give one of them")
    targets = _targets(options)
    mix = _mix(options.mix, targets)
    workload = generate(
        _arrivals(options),
        mix if options.drift_to is None else Drift(mix, _mix(options.drift_to, targets)),
        options.count,
        options.slo_scale,
        np.random.default_rng(options.seed),
        deadline_jitter=options.jitter,
        model=options.model,
    )
    recipe = {"seed": options.seed, "deadlines": targets.words}
    workload = Workload(workload.name, workload.requests, {**workload.parameters, **recipe})
    write_trace(workload, options.output)
    return workload, ()


def _check(options: argparse.Namespace, console: Console) -> _Answer:
    profile = load_profile(options.profile or DEFAULT_PROFILE)
    asked = read_trace(options.trace, slo=lambda shape, steps: 1.0)
    served = servable(profile, asked, options.shapes)
    targets = _targets(options, served.profile)
    workload = read_trace(options.trace, slo=targets) if served.profile is not None else asked
    for note in served.notes:
        console.print(f"note: {note}", highlight=False, soft_wrap=True)
    if served.profile is not None:
        console.print(hopeless(served.profile, workload, options.gpus), highlight=False, soft_wrap=True)
    filled = workload.parameters.get("deadlines_filled_in", 0)
    words = "those of the trace" + (f"; {filled} empty deadlines filled in: {targets.words}" if filled else "")
    return Workload(workload.name, workload.requests, {"deadlines": words}), served.faults


def _convert(options: argparse.Namespace, console: Console) -> _Answer:
    refuse_existing("--output", options.output, options.overwrite)
    if options.shape is not None and options.mix is not None:
        raise ValueError("--shape and --mix both say the sizes; give one of them")
    if options.seed is not None and options.mix is None:
        raise ValueError(f"--seed is {options.seed}, of the draws from --mix, which is not given")
    if Path(options.file).absolute() == options.output.absolute():
        raise ValueError(f"--output is {options.output}, the file itself; give another path")
    if not (math.isfinite(options.start) and options.start >= 0 and options.duration > 0):
        raise ValueError(
            f"--start is {options.start}, --duration {options.duration}; give seconds from 0, and more than 0"
        )
    shape: Shape | Mix | None = None if options.shape is None else Shape.parse(options.shape)
    if options.mix is not None:
        shape = named_mix(options.mix)
    path = Path(options.file)
    targets = _any_shape(options)
    made = _converted(path, options, shape, targets)
    workload = made.workload
    if options.rate is not None:
        workload = rescale(workload, rate=options.rate)
    write_trace(workload, options.output)
    console.print(f"{options.output}: {len(workload)} requests from {made.rows} rows", highlight=False, soft_wrap=True)
    for reason, rows in made.dropped.items():
        console.print(f"left out: {rows} rows, {reason}", highlight=False, soft_wrap=True)
    for note in made.notes:
        console.print(f"note: {note}", highlight=False, soft_wrap=True)
    words = f"those of the file, or where it has none: {targets.words}"
    return Workload(workload.name, workload.requests, {"deadlines": words}), ()


def _export(options: argparse.Namespace, console: Console) -> _Answer:
    refuse_existing("--output", options.output, options.overwrite)
    targets = _any_shape(options)
    workload = read_trace(options.trace, slo=targets)
    export_mooncake(workload, options.output)
    console.print(f"{options.output}: {len(workload)} rows for aiperf", highlight=False, soft_wrap=True)
    words = f"those of the trace, or where it has none: {targets.words}"
    return Workload(workload.name, workload.requests, {"deadlines": words}), ()


def _any_shape(options: argparse.Namespace) -> Targets:
    """Targets also for shapes that the profile does not hold."""
    targets = _targets(options)
    if options.profile is None:
        return targets
    profile = load_profile(options.profile)
    known: dict[Shape, Targets] = {}

    def rule(shape: Shape, steps: int) -> float:
        if shape not in known:
            known[shape] = _targets(options, extended(profile, [shape]).profile)
        return known[shape](shape, steps)

    return Targets(rule, targets.words, targets.published)


def _converted(path: Path, options: argparse.Namespace, shape: Shape | Mix | None, targets: Targets) -> Converted:
    how = Conversion(
        name=path.name.partition(".")[0] or "trace",
        format=FORMATS[options.source],
        slo=lambda shape, steps: targets(shape, steps) * options.slo_scale,
        columns=dict(_pair(text, "--map", "COLUMN=FIELD") for text in options.map),
        where=tuple(_condition(text) for text in options.where),
        shape=shape,
        steps=options.steps,
        seed=options.seed or 0,
        start=options.start,
        duration=options.duration,
        split=not options.prompts,
    )
    return convert(read_table(path), how)


def _pair(text: str, option: str, form: str) -> tuple[str, str]:
    left, equals, right = text.partition("=")
    if not (left and equals and right):
        raise ValueError(f"{option}: {text!r} is not {form}")
    return left, right


def _condition(text: str) -> tuple[str, bool, str]:
    if "!=" in text:
        column, _, value = text.partition("!=")
        return column, False, value
    column, value = _pair(text, "--where", "COLUMN=VALUE or COLUMN!=VALUE")
    return column, True, value


_COMMANDS = {"generate": _generate, "check": _check, "convert": _convert, "export": _export}


def _targets(options: argparse.Namespace, profile: Profile | None = None) -> Targets:
    if options.profile is None:
        if options.reference_gpus is not None:
            raise ValueError(f"--reference-gpus is {options.reference_gpus}, which needs --profile")
        if options.deadlines not in ("auto", "paper"):
            raise ValueError(f"--deadlines is {options.deadlines}, which needs --profile")
        return Targets(paper_slo, f"the seconds published for {PAPER_MODEL} on {PAPER_GPU}", True)
    reference = REFERENCE_GPUS if options.reference_gpus is None else options.reference_gpus
    targets = slo_rule(profile or load_profile(options.profile), options.deadlines, reference)
    if targets.published and options.reference_gpus is not None:
        raise ValueError(f"--reference-gpus is {reference}, but targets are the published seconds; leave it out")
    return targets


def _mix(name: str, targets: Targets) -> Mix:
    mix = named_mix(name)
    return mix if targets.published else mix.with_auto_slos().with_slos(targets)


def _arrivals(options: argparse.Namespace) -> Arrivals:
    if options.pieces is None:
        return Gamma(12.0 if options.rate is None else options.rate, options.cv)
    pairs = []
    for text in options.pieces.split(","):
        duration, _, rate = text.partition(":")
        try:
            pairs.append((float(duration), float(rate)))
        except ValueError:
            raise ValueError(f"--pieces: {text!r} is not SECONDS:RATE, for example 50:12,10:60") from None
    return Piecewise(tuple(pairs), options.cv)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m experiments.workload", description="Generate, check, convert and export traces.")
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("generate", help="write a trace of a named mix and print its summary")
    make.add_argument("--mix", default="uniform", help=f"one of {', '.join(named_mixes())} (default: uniform)")
    make.add_argument("--drift-to", metavar="MIX", help="turn linearly into this mix over the run")
    make.add_argument("--rate", type=positive, help="requests per minute (default: 12)")
    make.add_argument("--pieces", metavar="S:RATE,...", help="rates by piece, repeated; for example 50:12,10:60")
    make.add_argument("--cv", type=float, default=1.0, help="coefficient of variation of gaps (default: 1, Poisson)")
    make.add_argument("--count", type=count, default=300, help="requests (default: 300)")
    make.add_argument("--slo-scale", type=float, default=1.0, help="multiplies every target (default: 1.0)")
    make.add_argument("--jitter", type=float, default=0.0, help="targets vary by this fraction (default: 0)")
    make.add_argument("--model", default="", help="written into every request")
    make.add_argument("--seed", type=whole, required=True, help="the same seed gives the same file")
    make.add_argument("--output", type=Path, required=True, metavar="TRACE.csv")
    make.add_argument("--overwrite", action="store_true", help="replace a file that is there")
    check = commands.add_parser("check", help="validate a trace and print its summary")
    check.add_argument("trace", metavar="TRACE.csv")
    check.add_argument(
        "--shapes", default="model", help=f"for sizes that the profile lacks: {', '.join(UNKNOWN_SHAPES)}"
    )
    check.add_argument("--gpus", type=count, default=8, help="GPUs that serve (default: 8)")
    turn = commands.add_parser("convert", help="make a trace of a file in a public format")
    turn.add_argument("file", metavar="FILE", help="CSV, JSON, JSON lines, Parquet; .gz, .tar.gz, .zst, .bz2, .xz")
    turn.add_argument("--from", dest="source", choices=tuple(FORMATS), required=True, help="the format")
    turn.add_argument("--map", nargs="+", action="extend", default=[], metavar="COLUMN=FIELD", help=", ".join(FIELDS))
    turn.add_argument(
        "--where", nargs="+", action="extend", default=[], metavar="COLUMN=VALUE", help="keep these; also !="
    )
    turn.add_argument("--shape", help="size of every request, HEIGHTxWIDTH or HEIGHTxWIDTHxFRAMES")
    turn.add_argument("--mix", help=f"sizes and steps are drawn: one of {', '.join(named_mixes())}")
    turn.add_argument("--steps", type=count, help="steps of every request")
    turn.add_argument("--seed", type=whole, help="of the draws from --mix (default: 0)")
    turn.add_argument("--start", type=float, default=0.0, help="seconds after the first row to begin at (default: 0)")
    turn.add_argument("--duration", type=float, default=math.inf, help="seconds to keep (default: all)")
    turn.add_argument("--prompts", action="store_true", help="a request per prompt, however many pictures it asks for")
    turn.add_argument("--rate", type=positive, help="requests per minute to stretch or squeeze gaps to")
    turn.add_argument(
        "--slo-scale", type=positive, default=1.0, help="multiplies targets that the file lacks (default: 1)"
    )
    turn.add_argument("--output", type=Path, required=True, metavar="TRACE.csv")
    turn.add_argument("--overwrite", action="store_true", help="replace a file that is there")
    export = commands.add_parser("export", help="write a trace as rows that aiperf replays (mooncake_trace)")
    export.add_argument("trace", metavar="TRACE.csv")
    export.add_argument("--output", type=Path, required=True, metavar="TRACE.jsonl")
    export.add_argument("--overwrite", action="store_true", help="replace a file that is there")
    for command in (make, check, turn, export):
        command.add_argument("--profile", help="what serves (default: FLUX.1-dev on H100, with the published targets)")
        command.add_argument(
            "--deadlines",
            choices=DEADLINES,
            default="auto",
            help="with --profile: the rule for targets (docs/traces.md)",
        )
        command.add_argument(
            "--reference-gpus",
            type=count,
            help=f"with --profile: GPUs that targets are as tight for (default: {REFERENCE_GPUS})",
        )
    return parser


if __name__ == "__main__":
    sys.exit(main())
