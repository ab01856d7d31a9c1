"""Every block of code in the README and in docs runs, or says why it is not run and is checked all the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from experiments.docs.filling import ROOT, documents
from tests.docs.blocks import Block, blocks_of, carry_out, commands_of, matches

BLOCKS = [block for path in documents(ROOT) for block in blocks_of(path, path.read_text())]
HERE = Path("page.md")


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language in ("console", "python")], ids=str)
def test_block_does_what_it_says(block: Block, tmp_path: Path) -> None:
    """Tests that a block runs and prints what it shows; files that its page shows lie beside it."""
    for other in BLOCKS:
        if other.path == block.path and other.mark == "file":
            (tmp_path / other.word).write_text(other.text)
    above = [b for b in BLOCKS if b.path == block.path and b.line < block.line and b.language == "python"]
    carry_out(block, tmp_path, [b for b in above if b.mark != "not run"])


@pytest.mark.parametrize("path", documents(ROOT), ids=lambda path: path.name)
def test_every_block_is_between_fences_and_has_a_language(path: Path) -> None:
    """Tests that no code hides in an indented block or in one without a language, where no test would find it."""
    text = path.read_text()
    assert len(blocks_of(path, text)) == len(re.findall(r"^```", text, re.MULTILINE)) / 2
    without = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    assert not re.search(r"\n\n {4}\S.*", without)
    assert all(block.language for block in blocks_of(path, text))


def page(text: str) -> Block:
    """Return the only block of a page."""
    (block,) = blocks_of(HERE, text)
    return block


def test_block_that_cannot_be_run_needs_a_reason(tmp_path: Path) -> None:
    """Tests that a command which no test can run fails without a mark, and passes with one."""
    block = "```console\n$ ray stop\n```\n"
    with pytest.raises(AssertionError, match=r"page.md:1: ray cannot be run.*not run"):
        carry_out(page(block), tmp_path)
    carry_out(page(f"<!-- not run: needs a cluster -->\n{block}"), tmp_path)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("python -m experiments.compare --no-such-flag", "no --no-such-flag"),
        ("python -m experiments.run solver=nosuch", "nosuch"),
        ("python -m experiments.run -m solver=dp,nosuch", "nosuch"),
        ("python -m experiments.nosuch", "nosuch"),
        ("make nosuch", "nosuch"),
        ("pip install -e '.[nosuch]'", "the extras are"),
        ("rm -rf /", "no program"),
    ],
)
def test_command_that_is_not_run_is_checked(command: str, message: str, tmp_path: Path) -> None:
    """Tests that a flag, override, module, target, extra or program that does not exist fails, run or not."""
    with pytest.raises(Exception, match=message):
        carry_out(page(f"<!-- not run: to see -->\n```console\n$ {command}\n```\n"), tmp_path)


def test_output_is_compared(tmp_path: Path) -> None:
    """Tests that output must be what is shown, with dots for anything, and times on a clock for any."""
    assert matches("a ...\nDone in 1.5 s.", "a b\nc\nDone in 22.0 s.\n")
    assert not matches("a b", "a c")
    assert not matches("a", "a b")
    wrong = "```console\n$ python -m profiles list\nhello\n```\n"
    with pytest.raises(AssertionError, match="hello"):
        carry_out(page(wrong), tmp_path)


def test_commands_are_divided() -> None:
    """Tests that lines go on behind a backslash, remarks are left out, and output belongs to its command."""
    block = page("```console\n$ python -m a \\\n    b   # why\nout\n$ x && y 'p q'\n```\n")
    first, second = commands_of(block)
    assert first.parts == [["python", "-m", "a", "b"]]
    assert first.output == "out"
    assert second.parts == [["x"], ["y", "p q"]]


def test_python_must_run(tmp_path: Path) -> None:
    """Tests that a block of Python that raises fails, and that it runs in its own directory."""
    with pytest.raises(ZeroDivisionError):
        carry_out(page("```python\n1 / 0\n```\n"), tmp_path)
    carry_out(page("```python\nopen('here', 'w').close()\n```\n"), tmp_path)
    assert (tmp_path / "here").exists()
