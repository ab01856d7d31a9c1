"""Generate and check traces: ``python -m experiments.workload generate`` and ``check``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import numpy as np
from rich.console import Console

from experiments.workload.arrivals import Arrivals, Gamma, Piecewise
from experiments.workload.deadlines import paper_slo, profile_slo
from experiments.workload.generate import Drift, generate
from experiments.workload.mixes import Mix, named_mix, named_mixes
from experiments.workload.summary import summary_tables
from experiments.workload.trace import read_trace, write_trace
from experiments.workload.workload import Workload
from profiles.store import load_profile


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status, 1 after an error."""
    options = _parser().parse_args(arguments)
    try:
        workload = _generate(options) if options.command == "generate" else _check(options)
    except OSError as error:
        print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    console = Console()
    for table in summary_tables(workload):
        console.print(table)
    filled = workload.parameters.get("deadlines_filled_in")
    if filled:
        console.print(f"{filled} empty deadlines, shown here as the paper's targets")
    return 0


def _generate(options: argparse.Namespace) -> Workload:
    mix = _mix(options, options.mix)
    workload = generate(
        _arrivals(options),
        mix if options.drift_to is None else Drift(mix, _mix(options, options.drift_to)),
        options.count,
        options.slo_scale,
        np.random.default_rng(_seed(options.seed)),
        deadline_jitter=options.jitter,
        model=options.model,
    )
    workload = Workload(workload.name, workload.requests, {**workload.parameters, "seed": options.seed})
    write_trace(workload, options.output)
    return workload


def _check(options: argparse.Namespace) -> Workload:
    return read_trace(options.trace, slo=paper_slo)


def _mix(options: argparse.Namespace, name: str) -> Mix:
    mix = named_mix(name)
    if options.profile is None:
        return mix
    rule = profile_slo(load_profile(options.profile), max_degree=options.max_degree)
    return mix.with_auto_slos().with_slos(rule)


def _arrivals(options: argparse.Namespace) -> Arrivals:
    if options.pieces is None:
        return Gamma(options.rate, options.cv)
    pairs = []
    for text in options.pieces.split(","):
        duration, _, rate = text.partition(":")
        try:
            pairs.append((float(duration), float(rate)))
        except ValueError:
            raise ValueError(f"--pieces: {text!r} is not SECONDS:RATE, for example 50:12,10:60") from None
    return Piecewise(tuple(pairs), options.cv)


def _seed(seed: int) -> int:
    if seed < 0:
        raise ValueError(f"--seed is {seed}; a whole number of at least 0 is needed")
    return seed


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m experiments.workload", description="Generate and check traces.")
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("generate", help="write a trace of a named mix and print its summary")
    make.add_argument("--mix", default="uniform", help=f"one of {', '.join(named_mixes())} (default: uniform)")
    make.add_argument("--drift-to", metavar="MIX", help="turn linearly into this mix over the run")
    make.add_argument("--rate", type=float, default=12.0, help="requests per minute (default: 12)")
    make.add_argument("--pieces", metavar="S:RATE,...", help="rates by piece, repeated; for example 50:12,10:60")
    make.add_argument("--cv", type=float, default=1.0, help="coefficient of variation of gaps (default: 1, Poisson)")
    make.add_argument("--count", type=int, default=300, help="requests (default: 300)")
    make.add_argument("--slo-scale", type=float, default=1.0, help="multiplies every target (default: 1.0)")
    make.add_argument("--profile", help="targets as tight for this profile as the paper's are on eight H100")
    make.add_argument("--max-degree", type=int, help="with --profile: GPUs of the cluster, if fewer than its")
    make.add_argument("--jitter", type=float, default=0.0, help="targets vary by this fraction (default: 0)")
    make.add_argument("--model", default="", help="written into every request")
    make.add_argument("--seed", type=int, required=True, help="the same seed gives the same file")
    make.add_argument("--output", required=True, metavar="TRACE.csv")
    check = commands.add_parser("check", help="validate a trace and print its summary")
    check.add_argument("trace", metavar="TRACE.csv")
    return parser


if __name__ == "__main__":
    sys.exit(main())
