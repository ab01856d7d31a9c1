"""Put committed tables and numbers into the documents that quote them: ``python -m experiments.docs``.

In a document, comments of HTML say where things come from:

``<!-- table: PATH -->`` ... ``<!-- end -->``
    What stands between is replaced by the file's text.
``<!-- = EXPRESSION as FORMAT -->0.783<!-- / -->``
    The number is computed from cells of tables (:mod:`experiments.docs.claims`); ``as .3f`` may be left out.
``<!-- holds: EXPRESSION -->``
    The sentence before it says what the expression does; if the tables no longer bear it out, this command fails.
``<!-- given: SOURCE -->0.5<!-- / -->``
    The number is no result: the source says whose it is. It is left alone.

``docs/reference.md`` is made as a whole (:mod:`experiments.docs.reference`). ``--check`` changes nothing and fails when a
document is out of date; a test runs it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from experiments.cli import Parser, guarded
from experiments.docs import claims
from experiments.docs.reference import reference

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = "reference.md"
"""Made as a whole."""
TABLE = re.compile(r"(<!-- table: (?P<path>\S+) -->\n).*?(<!-- end -->)", re.DOTALL)
NUMBER = re.compile(r"(<!-- = (?P<expression>[^<]+?)(?:\s+as\s+(?P<form>\.\d[%f]))? -->)[^<]*(<!-- / -->)")
CLAIM = re.compile(r"<!-- holds: (?P<expression>.+?) -->", re.DOTALL)
GIVEN = re.compile(r"<!-- given: [^>]+? -->.*?<!-- / -->", re.DOTALL)


def filled_in(text: str, root: Path) -> str:
    """Return a document with the tables and numbers that it names; paths are relative to ``root``.

    Raises
    ------
    ValueError
        If a table, row or column is not there; the message names it.
    """

    def table(match: re.Match[str]) -> str:
        path = root / match["path"]
        if not path.is_file():
            raise ValueError(f"{path} is named in a document but is not there; run the command that makes it")
        return f"{match[1]}{path.read_text()}{match[3]}"

    def number(match: re.Match[str]) -> str:
        return f"{match[1]}{claims.number(match['expression'], root, match['form'] or '')}{match[4]}"

    return NUMBER.sub(number, TABLE.sub(table, text))


def untrue(text: str, root: Path) -> Iterator[str]:
    """Yield what a document claims and its tables do not bear out, each with its line."""
    for match in CLAIM.finditer(text):
        if not claims.holds(match["expression"], root):
            line = text.count("\n", 0, match.start()) + 1
            yield f"line {line}: does not hold: {' '.join(match['expression'].split())}"


def documents(root: Path) -> list[Path]:
    """Return the README and everything in docs."""
    return [root / "README.md", *sorted((root / "docs").glob("*.md"))]


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = Parser(
        prog="python -m experiments.docs", description="Put committed tables and numbers into the documents."
    )
    parser.add_argument("--check", action="store_true", help="change nothing; fail if a document is out of date")
    return guarded(lambda: _update(parser.parse_args(arguments).check))


def _update(check: bool) -> int:
    stale, wrong = [], []
    for path in documents(ROOT):
        name = path.relative_to(ROOT)
        old = path.read_text()
        try:
            new = reference() if path.name == REFERENCE else filled_in(old, ROOT)
            wrong += [f"{name}, {claim}; change the sentence" for claim in untrue(old, ROOT)]
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
        if new != old:
            stale.append(name)
            if not check:
                path.write_text(new)
    for name in stale:
        print(f"{name}: {'out of date; run python -m experiments.docs' if check else 'updated'}")
    for message in wrong:
        print(message)
    return 1 if wrong or (check and stale) else 0
