"""Write ``docs/figures.md`` from the committed results: ``python -m paper_figs.docs``; ``--check`` only compares."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from experiments.cli import Parser, guarded
from paper_figs import contradictions
from paper_figs.__main__ import MANIFEST, RESULTS
from paper_figs.figure import Comparison, figure_names, load_figure
from paper_figs.reasons import reason_of
from paper_figs.table import Table
from paper_figs.trends import NOISE, TRENDS, checked

PAGE = Path(__file__).parents[1] / "docs" / "figures.md"
LARGE = 0.1
"""Differences in SAR above this are explained."""

HEAD = """# Figures

Every figure and table of the evaluation of [TetriServe](https://arxiv.org/abs/2510.01565) (ASPLOS '26), made here, and
what the paper could not draw. This page is written by `python -m paper_figs.docs` from the tables in
`paper_figs/results/`; its numbers are theirs.

<!-- not run: half an hour -->
```console
$ python -m paper_figs                # all figures: CSV, PDF, SVG and PNG in paper_figs/results/
$ python -m paper_figs fig07 table5   # some
$ python -m paper_figs --quick        # 3 seeds of short runs, in results/paper_figs_quick/
$ python -m paper_figs --redraw       # compute nothing: draw from the tables
$ python -m paper_figs --list
```

Runs are cached in `.cache/paper_figs`, and pictures of the same data stay, so that a second call takes seconds.
Every comparison serves the same requests with every policy; bands and bars are 95 % confidence intervals over {seeds} paired
seeds of {requests} requests (of fewer where a figure's module says so). Latencies count every request. Curves by
resolution are the paper's spider plots, unrolled.

Step times on H100 are not measured: they come from `flux1-dev_h100_256tokens`, whose constants are pinned to two published
points and whose text length is inferred from the paper's Table 1. The same model with 512 text tokens is within a tenth of
what was timed on an H200 ([profiles](profiles.md)); the figure *{tokens}* shows what these tokens change.
*TetriServe* is the paper's algorithm, rounds as long as `cadence.tau=auto` makes them; *tuned rounds* the same at its best
settings, found on other seeds (`python -m experiments.tune`).
"""


def page(results: Path, target: Path) -> str:
    """Make the page.

    Parameters
    ----------
    results
        Directory with the CSV files and the manifest.
    target
        Where the page will be, for its links.
    """
    manifest = json.loads((results / MANIFEST).read_text())
    config = manifest["config"]
    where = Path(os.path.relpath(results, target.parent)).as_posix()
    names = [name for name in figure_names() if (results / f"{name}.csv").exists()]
    tokens = load_figure("text_tokens").title
    parts = [HEAD.format(seeds=len(manifest["seeds"]), requests=config["requests"], tokens=tokens)]
    comparisons: list[tuple[str, Comparison]] = []
    sections: dict[str, list[str]] = {
        "The paper's figures": [],
        "The paper's tables": [],
        "What the paper could not draw": [],
    }
    for name in names:
        figure, table = load_figure(name), Table.read(results / f"{name}.csv")
        comparisons += [(name, comparison) for comparison in figure.compare(table)]
        head = heading(name)
        text = f"### {head}{figure.title}\n\n![{figure.title}]({where}/{name}.png)\n\n{figure.describe(table)}\n"
        text += f"Data: [{name}.csv]({where}/{name}.csv), [PDF]({where}/{name}.pdf).\n"
        kind = 0 if name.startswith("fig") else 1 if name.startswith("table") else 2
        list(sections.values())[kind].append(text)
    parts.append(versus(comparisons, Table.read(results / "causes.csv")))
    parts.append(contradictions.table())
    parts.append(trends(results))
    parts += [f"## {title}\n\n" + "\n".join(texts) for title, texts in sections.items() if texts]
    return "\n".join(parts)


def heading(name: str) -> str:
    """Return what the paper calls it: ``Figure 7: ``; nothing for ours."""
    for prefix, word in (("fig", "Figure"), ("table", "Table")):
        number = name.removeprefix(prefix)
        if number != name and number.isdigit():
            return f"{word} {int(number)}: "
    return ""


def versus(comparisons: Sequence[tuple[str, Comparison]], causes: Table) -> str:
    """Return the table of every number that the paper prints, beside ours."""
    lines = [
        "## Paper versus here",
        "",
        f"Differences above {LARGE} SAR are explained; the figure *{load_figure('causes').title}* at the end is the "
        "evidence.",
        "",
        "| number | paper | here | difference | reason |",
        "|---|--:|--:|--:|---|",
    ]
    for name, c in comparisons:
        difference = c.here - c.paper
        reason = reason_of(name, c, causes) if c.unit == "SAR" and abs(difference) > LARGE else ""
        unit = "" if c.unit == "SAR" else f" {c.unit}"
        lines.append(
            f"| {heading(name)}{c.what} | {number(c.paper)}{unit} | {number(c.here)}{unit} | "
            f"{'+' if difference >= 0 else '−'}{number(abs(difference))} | {reason} |"
        )
    return "\n".join(lines) + "\n"


def trends(results: Path) -> str:
    """Return the table of what the paper's figures show, and whether ours show the same."""
    lines = [
        "## Trends of the paper, and here",
        "",
        f"Checked on the tables, point by point; differences below {NOISE} SAR count as equal.",
        "",
        "| figure | the paper shows | here |",
        "|---|---|---|",
    ]
    for trend in TRENDS:
        table = Table.read(results / f"{trend.figure}.csv")
        name = heading(trend.figure).removesuffix(": ") or load_figure(trend.figure).title
        lines.append(f"| {name} | {trend.claim} | {checked(trend, table)} |")
    return "\n".join(lines) + "\n"


def number(value: float) -> str:
    """Format with two digits after the point, or two significant ones where that would leave nothing."""
    if abs(value) >= 0.095 or value == 0:
        return f"{value:.2f}"
    return f"{float(f'{value:.2g}'):.8f}".rstrip("0")


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns 1 if ``--check`` finds another page than the results make."""
    parser = Parser(prog="python -m paper_figs.docs", description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS, help="directory with the CSV files")
    parser.add_argument("--output", type=Path, default=PAGE, help="the page (default: docs/figures.md)")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the page is not what it would be")
    return guarded(lambda: _command(parser.parse_args(arguments)))


def _command(options: argparse.Namespace) -> int:
    if not (options.results / MANIFEST).is_file():
        raise ValueError(f"--results is {options.results}, where no figures are; make them with python -m paper_figs")
    text = page(options.results, options.output)
    if options.check:
        if not options.output.exists() or options.output.read_text(encoding="utf-8") != text:
            print(
                f"{options.output} is not what {options.results} makes; run python -m paper_figs.docs", file=sys.stderr
            )
            return 1
        return 0
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
