"""Make figures: ``python -m paper_figs``, ``python -m paper_figs fig07 table5``, ``--quick``, ``--list``."""

from __future__ import annotations

import argparse
import difflib
import hashlib
import json
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from experiments.cli import Parser, count, guarded, processes
from experiments.results import manifest
from experiments.results.writer import write_json
from paper_figs.cache import Cache
from paper_figs.figure import figure_names, load_figure
from paper_figs.lab import Lab
from paper_figs.sources import DRAWING, RUN, digest
from paper_figs.table import Table

RESULTS = Path(__file__).parent / "results"
QUICK_RESULTS = Path("results/paper_figs_quick")
CACHE = Path(".cache/paper_figs")
MANIFEST = "manifest.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns 0, 1 if a figure failed, 2 if the command line was wrong."""
    return guarded(lambda: _command(_parser().parse_args(arguments)))


def _command(options: argparse.Namespace) -> int:
    known = figure_names()
    if options.list:
        if options.figures:
            raise ValueError(f"--list names all figures and makes none; leave out {options.figures[0]}")
        for name in known:
            print(f"{name:12} {load_figure(name).title}")
        return 0
    for name in options.figures:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            guess = f" Did you mean {close[0]}?" if close else ""
            print(f"error: there is no figure {name!r}.{guess} --list names them all.", file=sys.stderr)
            return 2
    if options.redraw and (options.quick or options.seeds):
        raise ValueError("--redraw computes nothing, so --quick and --seeds would not be used; give one or the other")
    output = options.output or (QUICK_RESULTS if options.quick or options.seeds else RESULTS)
    for option, directory in (("--output", output), ("--cache", options.cache)):
        problem = _unwritable(directory)
        if problem:
            print(f"error: {option} is {directory}, where nothing can be written: {problem}", file=sys.stderr)
            return 2
    if options.redraw:
        lacking = [name for name in options.figures or known if not (output / f"{name}.csv").is_file()]
        if lacking:
            raise ValueError(f"--redraw draws tables that are there; {output} has no {lacking[0]}.csv")
    lab = Lab(Cache(options.cache), options.quick, options.jobs, seed_count=options.seeds)
    return _make_all(list(dict.fromkeys(options.figures or known)), output, lab, redraw=options.redraw)


def _unwritable(directory: Path) -> str:
    """Make a directory and write into it; return what went wrong, or nothing."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=directory):
            return ""
    except OSError as error:
        return error.strerror or str(error)


def _make_all(names: Sequence[str], output: Path, lab: Lab, redraw: bool = False) -> int:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    started = datetime.now(UTC)
    console = Console(stderr=True)
    failed: list[str] = []
    seconds: dict[str, float] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        whole = bar.add_task("figures", total=len(names))
        part = bar.add_task("", total=None, visible=False)
        total = [0, 0]

        def on_work(amount: int) -> None:
            if amount >= 0:
                total[:] = [0, amount]
            else:
                total[0] += 1
            bar.update(part, completed=total[0], total=total[1])

        lab = replace(lab, on_work=on_work)
        for name in names:
            began = time.perf_counter()
            bar.update(part, description=f"  runs of {name}", completed=0, total=None, visible=True)
            try:
                make(name, None if redraw else lab, output)
            except KeyboardInterrupt:
                console.print("interrupted; runs that were finished are cached", style="bold red")
                return 130
            except Exception:
                failed.append(name)
                console.print(f"[bold red]{name} failed[/]")
                console.print(traceback.format_exc(), markup=False, highlight=False)
            seconds[name] = round(time.perf_counter() - began, 2)
            if name not in failed:
                console.print(f"{name:12} {seconds[name]:7.1f} s", highlight=False)
            bar.advance(whole)
    _write_manifest(
        output, {} if redraw else seconds, [name for name in names if name not in failed], failed, lab, started
    )
    console.print(f"{len(names) - len(failed)} of {len(names)} figures are in {output}", highlight=False)
    if failed:
        console.print(f"failed: {', '.join(failed)}", style="bold red")
    return 1 if failed else 0


def make(name: str, lab: Lab | None, output: Path) -> None:
    """Compute the data of a figure, write them, read them back, and draw unless the pictures show just these data.

    Without a laboratory nothing is computed: the table that is there is drawn.
    """
    path = output / f"{name}.csv"
    if lab is not None:
        load_figure(name).data(lab).write(path)
    pictures = [path.with_suffix(suffix) for suffix in (".pdf", ".svg", ".png")]
    stamp = drawing_stamp(name, path)
    if _read_config(output).get("drawn", {}).get(name) != stamp or not all(picture.exists() for picture in pictures):
        draw(name, path, output)


def drawing_stamp(name: str, table: Path) -> str:
    """Return a digest of all that a picture depends on: its data, the code that draws it, the drawing library."""
    import matplotlib

    code = digest((*DRAWING, f"paper_figs/figures/{name}.py"))
    parts = (table.read_bytes(), code.encode(), matplotlib.__version__.encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def draw(name: str, table: Path, output: Path) -> None:
    """Draw a figure from its CSV file, as PDF, SVG and PNG, the same bytes for the same data."""
    from paper_figs.style import save, styled

    with styled():
        save(load_figure(name).draw(Table.read(table)), output / name)


def _read_config(output: Path) -> dict[str, Any]:
    """Return the configuration in the manifest of a directory; nothing without one that can be read."""
    try:
        config = json.loads((output / MANIFEST).read_text())["config"]
    except (OSError, ValueError, KeyError):
        return {}
    return config if isinstance(config, dict) else {}


def _write_manifest(
    output: Path, seconds: dict[str, float], made: Sequence[str], failed: Sequence[str], lab: Lab, started: datetime
) -> None:
    """Write how the figures in a directory were made; what it says of figures that this call did not make is kept.

    A call that computed nothing (``seconds`` is empty) changes only the stamps of what it drew.
    """
    before = _read_config(output)
    stamps = {name: drawing_stamp(name, output / f"{name}.csv") for name in made}
    drawn = {**{name: s for name, s in before.get("drawn", {}).items() if name not in failed}, **stamps}
    if before and not seconds:
        whole = json.loads((output / MANIFEST).read_text())
        whole["config"]["drawn"] = drawn
        write_json(whole, output / MANIFEST)
        return
    config: dict[str, Any] = {
        "quick": lab.quick,
        "seeds": len(lab.seeds),
        "requests": lab.requests,
        "sources": digest(RUN),
    }
    config["seconds"] = {**before.get("seconds", {}), **seconds}
    config["drawn"] = drawn
    seeds = {f"seed {seed}": seed for seed in lab.seeds}
    command = ["python", "-m", "paper_figs"]
    write_json(manifest(config, seeds, started, datetime.now(UTC), command=command), output / MANIFEST)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m paper_figs",
        description="Make the figures and tables of the paper, and ours. Each gets NAME.csv, .pdf, .svg and .png.",
        epilog="Runs are cached, and pictures of the same data stay: a second call takes seconds. "
        "python -m paper_figs.docs writes docs/figures.md.",
    )
    parser.add_argument("figures", nargs="*", metavar="NAME", help="fig07, table5, gap, ... (default: all)")
    parser.add_argument("--quick", action="store_true", help="3 seeds of 100 requests instead of 10 of 300")
    parser.add_argument(
        "--redraw", action="store_true", help="compute nothing; draw from the CSV files in the directory"
    )
    parser.add_argument("--list", action="store_true", help="name all figures and stop")
    parser.add_argument(
        "--output", type=Path, help=f"directory (default: paper_figs/results; with --quick or --seeds {QUICK_RESULTS})"
    )
    parser.add_argument("--cache", type=Path, default=CACHE, help=f"directory of cached runs (default: {CACHE})")
    parser.add_argument("--seeds", type=count, help="paired seeds of every comparison, instead of 10, or of 3")
    parser.add_argument("--jobs", type=processes, default=-1, help="processes (default: one per core)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
