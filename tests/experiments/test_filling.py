"""Documents and the tables that they quote."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from experiments.docs.filling import ROOT, documents, filled_in
from experiments.docs.reference import PACKAGES, reference


def test_table_is_put_between_its_marks(tmp_path: Path) -> None:
    """What stands between the marks is replaced by the file; the rest of the document stays."""
    (tmp_path / "t.md").write_text("| a |\n")
    text = "before\n<!-- table: t.md -->\nold\n<!-- end -->\nafter\n"
    new = filled_in(text, tmp_path)
    assert new == "before\n<!-- table: t.md -->\n| a |\n<!-- end -->\nafter\n"
    assert filled_in(new, tmp_path) == new


def test_missing_table_is_named(tmp_path: Path) -> None:
    """A table that is not there is named."""
    with pytest.raises(ValueError, match=r"nosuch\.md"):
        filled_in("<!-- table: nosuch.md -->\n<!-- end -->", tmp_path)


@pytest.mark.parametrize("path", documents(ROOT), ids=lambda path: path.name)
def test_documents_are_up_to_date(path: Path) -> None:
    """Every table in the documents equals the committed one."""
    assert filled_in(path.read_text(), ROOT) == path.read_text()


def test_the_reference_names_every_export_and_repeats_itself() -> None:
    """Every name in ``__all__`` has a line with a sentence, and no address of memory makes the page differ."""
    page = reference()
    for package in PACKAGES:
        for name in importlib.import_module(package).__all__:
            assert re.search(rf"^- \*\*`{name}[(`]", page, re.MULTILINE), f"{package}.{name}"
    assert " at 0x" not in page
    assert all(line.split("**: ", 1)[1] for line in page.splitlines() if line.startswith("- **"))
