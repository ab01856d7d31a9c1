"""How much load, or how many GPUs: the most at which a share of deadlines holds. ``python -m experiments.capacity``."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass

from experiments.cli import positive
from experiments.config.build import build
from experiments.drawing.capacity import draw_capacity
from experiments.results.text import Table
from experiments.studies.grid import Policy, cells, described
from experiments.studies.hidden import refuse_hidden
from experiments.studies.naming import axis_of, cell_of, policy_of
from experiments.studies.options import NEW, refuse, seeds_of, study_parser
from experiments.studies.policies import POLICIES
from experiments.studies.questions import BOUND, TIME_LIMIT, CapacityAnswer, Prober, Question, answer_all, search_all
from experiments.studies.search import Capacity, Probe
from experiments.studies.study import open_study, run_study

STEP = 1.02
LEGEND = (
    "The last value at which the mean over seeds reaches the target. From and to: where the ends of its 95 % interval do, "
    "and - where they do not among the values measured. GPU-s each: in use, per request on time."
)


@dataclass(frozen=True, slots=True)
class ProbeRow:
    """A measurement, for ``probes.csv``."""

    cell: str
    policy: str
    target: float
    value: float
    attained: float
    half_width: float
    seeds: int


def capacity_table(made: Sequence[CapacityAnswer], price: float | None = None) -> Table:
    """Return a row per setting, target and policy.

    Parameters
    ----------
    made
        Answers; those of :data:`BOUND` are the limit of the others.
    price
        Of a GPU for an hour, for the cost of a request on time on a cluster that is paid for as long as it serves.
    """
    field = made[0].question.field
    rate = field == "workload.rate"
    what = "requests/min" if rate else "GPUs"
    limits = {(a.question.cell, a.question.target): a.capacity.value for a in made if a.question.policy == BOUND}
    head = ["setting", "target", "policy", what, "from", "to", "of bound", "attained", "GPU-s each"]
    rows = [[*head, *(["cost each"] if price else [])]]
    for a in made:
        q, c = a.question, a.capacity
        limit = limits.get((q.cell, q.target), math.nan)
        share = c.value / limit if rate else limit / c.value
        row = [q.cell, f"{q.target:.0%}", q.policy, _number(c.value), *_range(c)]
        row += [_share(share), _share(a.attained), _plain(a.gpu_seconds, 1)]
        rows.append([*row, *([_plain(a.reserved * price / 3600.0, 4)] if price else [])])
    return rows


def summary_table(made: Sequence[CapacityAnswer]) -> Table:
    """Return a row per policy, and a column per setting and target."""
    asked = list(dict.fromkeys((a.question.cell, a.question.target) for a in made))
    found = {(a.question.policy, a.question.cell, a.question.target): a.capacity.value for a in made}
    rows = [["policy", *(f"{cell}, {target:.0%}" for cell, target in asked)]]
    for policy in dict.fromkeys(a.question.policy for a in made):
        rows.append([policy, *(_number(found.get((policy, *key), math.nan)) for key in asked)])
    return rows


def _number(value: float) -> str:
    if math.isnan(value):
        return "none"
    return "-" if math.isinf(value) or not value else f"{value:.3g}"


def _range(capacity: Capacity) -> tuple[str, str]:
    if math.isnan(capacity.value):
        return "-", "-"
    return _number(capacity.low), _number(capacity.high)


def _share(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"


def _plain(value: float, digits: int) -> str:
    return "-" if math.isnan(value) or not value else f"{value:.{digits}f}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = study_parser(
        "capacity",
        "Find the highest rate, or the fewest GPUs, at which a share of deadlines holds, for every policy and for the "
        "clairvoyant bound, which no policy passes.",
        "--target 0.9 --policy edf --policy lookahead workload=skewed",
        seeds=5,
        directory=NEW,
    )
    parser.add_argument(
        "--target", type=share, action="append", default=[], help="share of deadlines, as 0.99; repeat it (default 0.9)"
    )
    parser.add_argument(
        "--vary", choices=("rate", "gpus"), default="rate", help="the highest rate (default), or the fewest GPUs"
    )
    parser.add_argument("--each", action="store_true", help="the target holds for every shape and every tier by itself")
    parser.add_argument(
        "--policy",
        action="append",
        default=[],
        help="a shipped policy's NAME, or NAME:OVERRIDES; repeat it (default: all)",
    )
    parser.add_argument("--sweep", action="append", default=[], help="KEY=VALUE,VALUE,...: settings to ask the same of")
    parser.add_argument("--cell", action="append", default=[], help="NAME:OVERRIDES, a setting of your own; repeat it")
    parser.add_argument("--no-bound", action="store_true", help="leave the clairvoyant bound out")
    parser.add_argument("--time-limit", type=positive, help=f"seconds for each bound (default {TIME_LIMIT:g})")
    parser.add_argument(
        "--step", type=positive, default=STEP, help=f"how exact a rate is, as a factor (default {STEP})"
    )
    parser.add_argument(
        "--gpu-price", type=positive, metavar="PRICE", help="of a GPU for an hour: adds the cost of a request on time"
    )
    return run_study(parser, _command, arguments)


def share(text: str) -> float:
    """Read a share above 0 and up to 1, as the type of an option."""
    value = positive(text)
    if value > 1:
        raise argparse.ArgumentTypeError(f"{text!r} is more than 1; a share such as 0.9 is needed")
    return value


def _command(options: argparse.Namespace) -> None:
    if options.step <= 1.0:
        raise ValueError(f"--step is {options.step}; a factor above 1 is needed, such as {STEP}")
    if options.each and not options.no_bound:
        raise ValueError("--each asks for every class, and the bound is for all requests together: add --no-bound")
    field = {"rate": "workload.rate", "gpus": "cluster.gpus"}[options.vary]
    if options.time_limit and options.no_bound:
        raise ValueError("--time-limit is of the bound, which --no-bound leaves out")
    targets = list(dict.fromkeys(options.target)) or [0.9]
    if options.cell and options.sweep:
        raise ValueError("--cell names settings by itself; leave out --sweep")
    settings = [cell_of(text, options.overrides) for text in options.cell]
    settings = settings or cells([axis_of(text) for text in options.sweep], options.overrides)
    policies = [policy_of(text) for text in options.policy] or list(POLICIES)
    given = [word for cell in settings for word in cell.overrides] + [word for p in policies for word in p.overrides]
    refuse(given, {f"{field}=": f"nothing: --vary {options.vary} finds it"})
    refuse_hidden(settings, policies)
    if not options.no_bound:
        policies.append(Policy(BOUND, ()))
    seeds = seeds_of(options)
    questions = [
        Question(
            cell.title if options.sweep else cell.label,
            policy.name,
            (*cell.overrides, *policy.overrides),
            target,
            field,
            options.each,
        )
        for cell in settings
        for target in targets
        for policy in policies
    ]
    starts = [_check(question) for question in questions]
    config = described(settings, policies) | {"vary": field, "targets": targets, "each": options.each}
    config["time_limit"] = time_limit = options.time_limit or TIME_LIMIT
    with open_study("capacity", options, config, seeds, fresh=True) as study:
        prober = Prober(seeds, study.jobs, time_limit)
        found = search_all(questions, starts, prober, options.step)
        made = answer_all(questions, found, prober)
        what = {"rate": "Requests per minute", "gpus": "GPUs"}[options.vary]
        study.table("summary", summary_table(made), f"{what} at which the target holds")
        study.table("table", capacity_table(made, options.gpu_price))
        study.rows("probes", [_row(a.question, probe) for a in made for probe in a.capacity.probes])
        drawn = [(a.question.cell, a.question.policy, a.question.target, a.capacity) for a in made]
        label = "requests per minute" if options.vary == "rate" else "GPUs"
        study.write("capacity.png", lambda path: draw_capacity(drawn, label, path, BOUND, log=options.vary == "gpus"))
        print(LEGEND)


def _row(question: Question, probe: Probe) -> ProbeRow:
    return ProbeRow(
        question.cell, question.policy, question.target, probe.value, probe.mean, probe.half_width, probe.seeds
    )


def _check(question: Question) -> float:
    """Build the first run, and return where to begin.

    Raises
    ------
    ValueError
        If the run cannot be made, or does not depend on what varies.
    """
    config = question.composed
    workload = config["workload"]
    build(config | {"seed": 0})
    if question.field == "cluster.gpus":
        if config["cluster"]["kind"] != "switch":
            kind = config["cluster"]["kind"]
            raise ValueError(
                f"--vary gpus changes cluster.gpus, which cluster={kind} does not follow; use cluster=switch"
            )
        return float(config["cluster"]["gpus"])
    for name in ("pieces", "load"):
        if workload.get(name):
            raise ValueError(
                f"--vary rate changes workload.rate, but workload.{name} is {workload[name]} and replaces it"
            )
    return float(workload["rate"] or 12.0)
