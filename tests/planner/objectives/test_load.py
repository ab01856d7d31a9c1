from __future__ import annotations

from pathlib import Path

import pytest

from planner.objectives import ObjectiveError, load_objective, rewards_of
from planner.objectives.trial import example

GOOD = """
from dataclasses import dataclass
import numpy as np

@dataclass
class Thrift:
    price: float = 1.0

    def rewards(self, outcomes):
        return outcomes.survives - self.price * outcomes.gpu_seconds
"""


def written(folder: Path, text: str, name: str = "mine.py") -> Path:
    """Write an objective file."""
    path = folder / name
    path.write_text(text)
    return path


def test_a_users_own_objective(tmp_path: Path) -> None:
    """Tests that a class in a file elsewhere becomes an objective, with its arguments."""
    path = written(tmp_path, GOOD)
    assert rewards_of(load_objective(path), example())[1] == 0.5
    assert rewards_of(load_objective(str(path), "Thrift", {"price": 2.0}), example())[1] == 0.0


def test_one_of_several(tmp_path: Path) -> None:
    """Tests that among several classes the name decides, and imported classes do not count."""
    two = GOOD + "\nfrom planner.objectives import Survivors\nclass Other(Thrift):\n    pass\n"
    path = written(tmp_path, two)
    assert type(load_objective(path, "Other")).__name__ == "Other"
    with pytest.raises(ObjectiveError, match=r"name one class.*Thrift, Other$"):
        load_objective(path)
    with pytest.raises(ObjectiveError, match="no class 'Survivors'"):
        load_objective(path, "Survivors")


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        ("import nonsense_that_is_not_there", {}, "does not import: ModuleNotFoundError"),
        ("def rewards(:", {}, "does not import: SyntaxError"),
        ("1 / 0", {}, "does not import: ZeroDivisionError"),
        ("x = 3", {}, "it has: none"),
        (GOOD, {"colour": "red"}, r"Thrift\(...\) raised TypeError"),
        ("class A:\n    def rewards(self, outcomes):\n        return outcomes.survives[:2]", {}, r"shape \(2,\)"),
        (
            "class A:\n    def rewards(self, outcomes):\n        return outcomes.weight * float('nan')",
            {},
            "nan for outcome 0",
        ),
        ("class A:\n    def rewards(self, outcomes):\n        return outcomes.colour", {}, "raised AttributeError"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, text: str, arguments: dict[str, object], message: str) -> None:
    """Tests that every way in which a file can be bad is refused with its path and the reason."""
    path = written(tmp_path, text)
    with pytest.raises(ObjectiveError, match=message) as error:
        load_objective(path, arguments=arguments)
    assert str(path) in str(error.value)


def test_missing_and_odd_files(tmp_path: Path) -> None:
    """Tests that a missing file and one that is no Python are refused."""
    with pytest.raises(ObjectiveError, match="no such file"):
        load_objective(tmp_path / "none.py")
    with pytest.raises(ObjectiveError, match=r"must end in \.py"):
        load_objective(written(tmp_path, GOOD, "mine.txt"))
