"""Put committed tables into the documents that quote them: ``python -m experiments.docs``.

A document names a table with a line ``<!-- table: PATH -->``; what follows, up to ``<!-- end -->``, is replaced by the
file's text. ``--check`` changes nothing and fails when a document is out of date; a test runs it.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from experiments.cli import guarded

ROOT = Path(__file__).resolve().parents[1]
_TABLE = re.compile(r"(<!-- table: (?P<path>\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled_in(text: str, root: Path) -> str:
    """Return a document with the tables that it names; paths are relative to ``root``.

    Raises
    ------
    ValueError
        If a table is not there; the message names it.
    """

    def table(match: re.Match[str]) -> str:
        path = root / match["path"]
        if not path.is_file():
            raise ValueError(f"{path} is named in a document but is not there; run the command that makes it")
        return f"{match[1]}{path.read_text()}{match[3]}"

    return _TABLE.sub(table, text)


def documents(root: Path) -> list[Path]:
    """Return the README and everything in docs."""
    return [root / "README.md", *sorted((root / "docs").glob("*.md"))]


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments.docs", description="Put committed tables into the documents."
    )
    parser.add_argument("--check", action="store_true", help="change nothing; fail if a document is out of date")
    options = parser.parse_args(arguments)
    return guarded(lambda: _update(options.check))


def _update(check: bool) -> int:
    stale = []
    for path in documents(ROOT):
        old = path.read_text()
        new = filled_in(old, ROOT)
        if new != old:
            stale.append(path.relative_to(ROOT))
            if not check:
                path.write_text(new)
    for name in stale:
        print(f"{name}: {'out of date; run python -m experiments.docs' if check else 'updated'}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
