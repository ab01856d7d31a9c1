"""Digests of sources: what counts as a change."""

from __future__ import annotations

from pathlib import Path

from paper_figs.sources import RUN, digest, meaning


def test_words_do_not_count() -> None:
    """Comments, docstrings and layout change nothing; any change of what the code does counts."""
    one = 'def f(x):\n    """Say one thing."""\n    return x + 1  # so\n'
    assert meaning(one) == meaning("def f(x):\n    return (x +\n        1)\n")
    assert meaning(one) != meaning("def f(x):\n    return x + 2\n")
    assert meaning("a = 'b'\n") != meaning("a = 'c'\n")


def test_any_module_counts(tmp_path: Path) -> None:
    """A digest changes with the content and with the name of each module that a pattern matches, and with no other."""
    for number, (name, text) in enumerate([("a.py", "x = 1\n"), ("b.py", "x = 1\n"), ("a.py", "x = 2\n")]):
        folder = tmp_path / str(number) / "p"
        folder.mkdir(parents=True)
        (folder / name).write_text(text)
        (folder / "notes.txt").write_text(str(number))
    digests = [digest(["p/*.py"], tmp_path / str(number)) for number in range(3)]
    assert len(set(digests)) == 3
    again = tmp_path / "again" / "p"
    again.mkdir(parents=True)
    (again / "a.py").write_text("x = 1  # one\n")
    assert digest(["p/*.py"], tmp_path / "again") == digests[0]


def test_planner_and_simulator_count() -> None:
    """Every pattern of what decides over a run matches a file of this project."""
    assert all(digest([pattern]) != digest([]) for pattern in RUN)
