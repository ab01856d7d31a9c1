"""Numbers in documents that look like results say where they come from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from experiments.docs.filling import ROOT, documents
from experiments.docs.unmarked import MADE, SETTINGS, settings, unmarked

WRITTEN = [path for path in documents(ROOT) if path.name not in MADE]


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_every_result_is_marked(path: Path) -> None:
    """Tests that a number in prose comes from a table, is marked as given, or is listed as no result, with the reason."""
    name = str(path.relative_to(ROOT))
    known = settings(ROOT)
    listed = {words for document, words in known if document == name}
    found = [f"{name}:{line}: {words}" for line, words in unmarked(path.read_text()) if not {words, "*"} & listed]
    assert not found, (
        f"mark them with <!-- = ... -->, or <!-- given: ... -->, or list them in {SETTINGS} with the reason"
    )


def test_nothing_is_listed_in_vain() -> None:
    """Tests that a number that no document has any more is no longer listed."""
    there = {
        (str(path.relative_to(ROOT)), each)
        for path in WRITTEN
        for _, words in unmarked(path.read_text())
        for each in (words, "*")
    }
    assert settings(ROOT) <= there


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("it gains 2.3 points", ["2.3"]),
        ("serves .97 of them in 12 ms, 40 % more", [".97", "12 ms", "40 %"]),
        ("serves <!-- = {a: b: c} as .2f -->0.97<!-- / --> of them", []),
        ("the paper's <!-- given: Table 5 -->0.97<!-- / -->", []),
        ("`--rate 1.5` and [here](v1.2.html), arXiv 2510.01565", []),
        ("```console\n$ run 0.5\n```\nthen 0.7", ["0.7"]),
        ("<!-- table: x -->\n| 0.3 |\n<!-- end -->", []),
        ("on 8 GPUs, 300 requests, v1.2.3", []),
    ],
)
def test_what_looks_like_a_result(text: str, found: list[str]) -> None:
    """Tests what counts as a number that must be marked."""
    assert [words for _, words in unmarked(text)] == found


def test_a_list_without_reasons_is_refused(tmp_path: Path) -> None:
    """Tests that every listed number has its reason."""
    (tmp_path / SETTINGS).parent.mkdir()
    (tmp_path / SETTINGS).write_text("# all of them\nREADME.md | 1.5\n")
    with pytest.raises(ValueError, match=re.escape(f"{SETTINGS}, line 2")):
        settings(tmp_path)
