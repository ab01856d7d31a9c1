"""Numbers in documents that look like results and are not marked as coming from a table.

What is quoted as code, comes from a table, or is marked as given is left out, and so is what a document says once and for
all: the lines of ``docs/settings.txt``, each a document, a number and why it is no result.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

SETTINGS = Path("docs") / "settings.txt"

MADE = ("figures.md", "reference.md")
"""Written by commands as a whole."""

_OUT = re.compile(
    r"```.*?```"  # blocks of code
    r"|<!-- table: .*?<!-- end -->"
    r"|<!-- (?:=|given:) .*?<!-- / -->"
    r"|<!--.*?-->"
    r"|`[^`\n]*`|\]\([^)]*\)|arXiv \d+\.\d+",
    re.DOTALL,
)
_RESULT = re.compile(r"(?<![\w.,/-])(?:\d+\.\d+|\.\d+|\d+ %|\d+ (?:ms|points|times|milliseconds)\b)(?![\w.-]*\d)")


def unmarked(text: str) -> Iterator[tuple[int, str]]:
    """Yield line and words of every number that looks like a result and is not marked."""
    bare = _OUT.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)
    for number, line in enumerate(bare.split("\n"), start=1):
        for match in _RESULT.finditer(line):
            yield number, match.group()


def settings(root: Path) -> set[tuple[str, str]]:
    """Return document and number of what is listed as no result.

    Raises
    ------
    ValueError
        If a line is not ``DOCUMENT | NUMBER | REASON``.
    """
    found = set()
    for number, line in enumerate((root / SETTINGS).read_text(encoding="utf-8").splitlines(), start=1):
        if not line or line.startswith("#"):
            continue
        parts = [part.strip() for part in line.split("|")]
        if len(parts) != 3 or not all(parts):
            raise ValueError(f"{SETTINGS}, line {number}: {line!r} is not DOCUMENT | NUMBER | REASON")
        found.add((parts[0], parts[1]))
    return found
