"""``python -m experiments.replay SESSION``: what every policy, and the optimum, would have made of a live session.

The requests, with their deadlines, are those that clients sent, also those that were refused; cluster, profile and noise are
the server's. The first row is what the server itself made of them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from experiments.cli import compose
from experiments.config.build import build
from experiments.results import summarize
from experiments.results.directory import read_manifest
from experiments.studies.bound import CONDITION, bound_all
from experiments.studies.grid import Cell, Result, described, run_all
from experiments.studies.hidden import refuse_hidden
from experiments.studies.naming import policy_of
from experiments.studies.options import USELESS, study_parser
from experiments.studies.policies import POLICIES
from experiments.studies.run_tables import LEGEND, one_cell_table, run_rows
from experiments.studies.study import open_study, run_study
from experiments.workload import write_trace

LIVE = "the server"
_KEPT = ("noise", "noise_cv", "regroup_ms")


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = study_parser(
        "replay",
        "Serve the requests of a live session again, with other policies, and bound what any schedule could make of them.",
        "results/2026-11-27_live_cpsat --policy lookahead --policy edf",
        seeds=None,
    )
    parser.add_argument("session", type=Path, metavar="SESSION", help="output directory of experiments.serve")
    parser.add_argument(
        "--policy",
        action="append",
        default=[],
        help="a shipped policy's NAME, or NAME:OVERRIDES; repeat it (default: all)",
    )
    parser.add_argument("--no-bound", action="store_true", help="leave the clairvoyant bound out")
    parser.set_defaults(useless=USELESS | {"workload": "nothing: the requests are those of the session"})
    return run_study(parser, _command, arguments)


def _command(options: argparse.Namespace) -> None:
    from experiments.serve.journal import JOURNAL, read_journal
    from experiments.serve.session import KIND, TRACE, as_workload

    directory = options.session
    about = read_manifest(directory)
    if about is None or about.get("kind") != KIND or not (directory / JOURNAL).exists():
        raise ValueError(f"SESSION is {directory}, which is no output directory of experiments.serve")
    session = read_journal(directory / JOURNAL)
    if not session.records.requests:
        raise ValueError(f"{directory / JOURNAL} has no requests; there is nothing to replay")
    trace = directory / TRACE
    if not (session.ended and trace.exists()):  # one that is there may be of a server before the one that was killed
        write_trace(as_workload(session.records, directory.name), trace)
    cell = Cell(directory.name, (*overrides_of(about["config"], directory), *options.overrides))
    policies = [policy_of(text) for text in options.policy] or list(POLICIES)
    refuse_hidden([cell], policies)
    setup = build(compose(cell.overrides))
    live = replace(summarize(session.records, setup.service.cluster, LIVE), name=LIVE)
    with open_study("replay", options, described([cell], policies), [0]) as study:
        results = run_all([cell], policies, [0], study.jobs)
        results = [Result(cell.label, LIVE, 0, live), *results]
        rows = [policy_of(f"{LIVE}:served=live"), *policies]
        study.table("table", one_cell_table(results, rows), f"{directory.name}: {len(setup.workload)} requests")
        study.rows("runs", run_rows(results))
        if not options.no_bound:
            (bound,) = bound_all([cell], [0], jobs=study.jobs)
            print(f"Clairvoyant bound: {bound.bound:.3f} of the weight ({bound.status}). {CONDITION}")
        if not session.ended:
            print("The server was killed: what it had not finished counts as missed for it, and not for the others.")
        print(LEGEND)


def overrides_of(config: Mapping[str, Any], directory: Path) -> list[str]:
    """Return what makes a simulation of the cluster that a server had.

    Parameters
    ----------
    config
        Of the server.
    directory
        Of its session, which holds a profile that was measured.
    """
    profile, cluster, engine = config["profile"], config["cluster"], config["engine"]
    measured = directory / "profile.json"
    name = measured.absolute() if measured.exists() else profile["name"]
    kind = "switch" if cluster["kind"] == "workers" else cluster["kind"]
    fields = [f"cluster.{key}={value}" for key, value in cluster.items() if key not in ("kind", "gpus")]
    gpus = engine.get("workers") or cluster.get("gpus")
    kept = [f"engine.{name}={engine[name]}" for name in _KEPT if name in engine]
    if engine.get("stages", True):  # on real workers texts and images take time in any case
        kept += ["engine.stages=true", f"engine.stage_workers={engine.get('stage_workers', 1)}"]
        kept += [f"engine.decode={engine.get('decode', 'workers')}"]
    return [
        "workload=trace",
        f"workload.file={(directory / 'trace.csv').absolute()}",
        "profile=file",
        f"profile.name={name}",
        f"profile.error={profile.get('error', 1.0)}",
        f"cluster={kind}",
        *([f"cluster.gpus={gpus}"] if gpus and kind != "nodes" else []),
        *fields,
        *kept,
    ]


if __name__ == "__main__":
    sys.exit(main())
