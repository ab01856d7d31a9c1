"""``python -m experiments.load URL workload=...``: a workload, against any server of images that speaks OpenAI's API."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from executor.records import Records
from experiments.cli import Parser, compose, guarded, positive, refuse_twice
from experiments.config.build import Setup, build
from experiments.results import RunWriter, Summary, manifest, prepare_directory, print_summary, summarize
from experiments.results.percentile import percentile
from experiments.results.writer import FILES
from experiments.studies.options import USELESS, refuse

if TYPE_CHECKING:
    from experiments.load.client import Sent, Target

_HERE = {
    "solver": "nothing: the server decides who plans",
    "engine": "nothing: the server has its own",
    "cadence": "nothing: the server has its own",
    "cluster": "nothing: the server has its own",
}
"""Overrides that say what only the server can say."""
_USED = {"seed=", "workload", "profile"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return guarded(lambda: _command(_parser().parse_intermixed_args(arguments)))


def _command(options: argparse.Namespace) -> int:
    try:
        from experiments.load.client import Target
    except ImportError as error:
        raise ValueError(
            f'experiments.load needs {error.name}; install the extra serve: pip install -e ".[serve]"'
        ) from None

    useless = {name: use for name, use in USELESS.items() if name not in _USED}
    refuse(options.overrides, useless | _HERE)
    refuse_twice(options.overrides)
    for override in options.overrides:
        if "=" not in override:
            raise ValueError(f"{override!r} is no override of the form field=value, as in workload=skewed")
    if not options.url.startswith(("http://", "https://")):
        raise ValueError(f"URL is {options.url!r}; an address such as http://127.0.0.1:8000 is needed")
    config = compose(options.overrides)
    setup = build(config)
    target = Target(options.url, options.api_key, options.model, options.speed, options.patience)
    directory = None if options.output is None else _prepared(options)
    started = datetime.now(UTC)
    sent = _send(setup, target, options.wait)
    records = as_records(setup, sent, target.speed)
    summary = summarize(records, setup.service.cluster, options.url)
    _print(summary, sent, setup, target)
    if directory is not None:
        about = manifest(config, {"workload": setup.seed}, started, datetime.now(UTC), kind="load", files=FILES)
        RunWriter(directory, time.monotonic).finish(records, summary, about)
        print(f"Results are in {directory}")
    return 0


def _prepared(options: argparse.Namespace) -> Path:
    return prepare_directory(options.output, "load", FILES, options.overwrite)


def _send(setup: Setup, target: Target, wait: float) -> list[Sent]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from experiments.load.client import healthy, load

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    requests = setup.workload.requests

    async def everything() -> list[Sent]:
        await healthy(target, wait)
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("requests", total=len(requests))
            return await load(requests, target, lambda _: bar.advance(task))

    return asyncio.run(everything())


def as_records(setup: Setup, sent: Sequence[Sent], speed: float) -> Records:
    """Return what clients saw as the records of a run, in seconds of the workload.

    A request that was sent late is late by that, too: it counts from when it was due.
    """
    records = Records(setup.workload.requests)
    for each in sent:
        at = each.ended * speed
        if each.status == 200:
            records.delivered[each.request] = at
        elif each.status == 429:
            records.refused[each.request] = at
        else:
            records.dropped[each.request] = at
            records.failed[each.request] = each.error
        if each.promised:
            records.promised.add(each.request)
    records.ended = max((each.ended * speed for each in sent), default=0.0)
    records.complete = True
    return records


def _print(summary: Summary, sent: Sequence[Sent], setup: Setup, target: Target) -> None:
    from rich.console import Console

    console = Console()
    print_summary([summary], console, f"{setup.workload.name} at {target.url}, as its clients saw it")
    late = [each.sent - r.arrival / target.speed for each, r in zip(sent, setup.workload.requests, strict=True)]
    console.print(
        f"Sent late: p50 {1e3 * percentile(late, 50):.1f} ms, p99 {1e3 * percentile(late, 99):.1f} ms, "
        f"most {1e3 * max(late):.1f} ms (latencies count from when a request was due).",
        highlight=False,
        soft_wrap=True,
    )
    told = [each for each in sent if each.server is not None]
    if told:
        due = {r.id: r.deadline / target.speed for r in setup.workload.requests}
        on_time = {each.request for each in sent if each.status == 200 and each.ended <= due[each.request]}
        differ = sum(each.server != (each.request in on_time) for each in told)
        console.print(
            f"The server says that {sum(bool(each.server) for each in told)} were on time, the clients count {len(on_time)}; "
            f"they differ about {differ}.",
            highlight=False,
            soft_wrap=True,
        )
    errors = [each for each in sent if each.status not in (200, 429)]
    if errors:
        console.print(
            f"{len(errors)} failed; the first: {errors[0].status} {errors[0].error}", soft_wrap=True, markup=False
        )


def _parser() -> Parser:
    parser = Parser(
        prog="python -m experiments.load",
        description="Send a workload to a server of images that speaks OpenAI's API, and judge its deadlines at the client.",
        epilog="example: python -m experiments.load http://127.0.0.1:8000 workload=skewed workload.rate=18 --speed 10",
    )
    parser.add_argument("url", metavar="URL", help="where the server is, such as http://127.0.0.1:8000")
    parser.add_argument("overrides", nargs="*", help="workload=..., profile=... and seed=..., as of experiments.run")
    parser.add_argument(
        "--speed", type=positive, default=1.0, help="seconds of the workload in a second of the clock (default 1)"
    )
    parser.add_argument("--api-key", default="", metavar="KEY", help="sent as a bearer token")
    parser.add_argument("--model", default="", help="name of the model to ask for (default: none)")
    parser.add_argument(
        "--wait", type=positive, default=60.0, metavar="S", help="seconds to wait for the server (default 60)"
    )
    parser.add_argument(
        "--patience", type=positive, default=600.0, metavar="S", help="seconds that a request may take (default 600)"
    )
    parser.add_argument("--output", type=Path, metavar="DIR", help="directory for the tables (default: none)")
    parser.add_argument("--overwrite", action="store_true", help="replace earlier results of this command there")
    return parser


if __name__ == "__main__":
    sys.exit(main())
