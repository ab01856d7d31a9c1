"""Generate and check traces: ``python -m experiments.workload generate`` and ``check``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from experiments.cli import Parser, count, guarded, positive, whole
from experiments.workload.arrivals import Arrivals, Gamma, Piecewise
from experiments.workload.deadlines import (
    DEADLINES,
    PAPER_GPU,
    PAPER_MODEL,
    REFERENCE_GPUS,
    Targets,
    paper_slo,
    slo_rule,
)
from experiments.workload.generate import Drift, generate
from experiments.workload.mixes import Mix, named_mix, named_mixes
from experiments.workload.summary import summary_tables
from experiments.workload.trace import read_trace, write_trace
from experiments.workload.workload import Workload
from profiles.command_line import refuse_existing
from profiles.store import load_profile


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status, 2 after an error."""
    return guarded(lambda: _command(_parser().parse_args(arguments)))


def _command(options: argparse.Namespace) -> int:
    workload = _generate(options) if options.command == "generate" else _check(options)
    console = Console()
    for table in summary_tables(workload):
        console.print(table)
    console.print(f"deadlines: {workload.parameters['deadlines']}", highlight=False, soft_wrap=True)
    return 0


def _generate(options: argparse.Namespace) -> Workload:
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
    return workload


def _check(options: argparse.Namespace) -> Workload:
    targets = _targets(options)
    workload = read_trace(options.trace, slo=targets)
    filled = workload.parameters.get("deadlines_filled_in", 0)
    words = "those of the trace" + (f"; {filled} empty deadlines filled in: {targets.words}" if filled else "")
    return Workload(workload.name, workload.requests, {"deadlines": words})


def _targets(options: argparse.Namespace) -> Targets:
    if options.profile is None:
        if options.reference_gpus is not None:
            raise ValueError(f"--reference-gpus is {options.reference_gpus}, which needs --profile")
        return Targets(paper_slo, f"the seconds published for {PAPER_MODEL} on {PAPER_GPU}", True)
    reference = REFERENCE_GPUS if options.reference_gpus is None else options.reference_gpus
    return slo_rule(load_profile(options.profile), options.deadlines, reference)


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
    parser = Parser(prog="python -m experiments.workload", description="Generate and check traces.")
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
    for command in (make, check):
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
