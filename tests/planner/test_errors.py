from __future__ import annotations

import ast
import pickle
import re
from pathlib import Path

import pytest

from planner.errors import ParameterError, fields_of, within

ROOT = Path(__file__).resolve().parents[2]


def test_the_message_follows_the_name() -> None:
    """Tests the message under the parameter's name, under that of a field, with the value given there, and a path."""
    error = ParameterError("seconds", 0.001, "more is needed", "engine 3")
    assert str(error) == "engine 3: seconds is 0.001; more is needed"
    assert error.at("engine.latency_ms", 1) == "engine 3: engine.latency_ms is 1; more is needed"
    with pytest.raises(ParameterError, match=r"^jobs\[3\]\.seconds is 0\.001; more is needed$"), within("jobs[3]"):
        raise error


def test_it_crosses_processes() -> None:
    """Tests that a pickled error has its parts and its message."""
    error = pickle.loads(pickle.dumps(ParameterError("degree", 0, "at least 1", "x")))
    assert (str(error), error.name, error.value) == ("x: degree is 0; at least 1", "degree", 0)


def test_long_values_are_cut() -> None:
    """Tests that an error stays readable whatever was given."""
    assert len(str(ParameterError("jobs", list(range(1000)), "a tuple is needed"))) < 100


def test_missing_and_unknown_fields_are_named() -> None:
    """Tests that plain data with a field too few or too many are refused with its path."""
    assert fields_of({"a": 1}, "x", ("a",), ("b",)) == {"a": 1}
    with pytest.raises(ValueError, match=r"^x\.a is missing$"):
        fields_of({"b": 1}, "x", ("a", "b"))
    with pytest.raises(ValueError, match=r"^zzz is no field; the fields are a$"):
        fields_of({"a": 1, "zzz": 2}, "", ("a",))


def raised_texts(path: Path) -> list[str]:
    """Every text in a raise statement of a file, with its holes as {}."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Raise):
            for part in ast.walk(node):
                if isinstance(part, ast.JoinedStr):
                    found.append("".join(v.value if isinstance(v, ast.Constant) else "{}" for v in part.values))  # type: ignore[misc]
                elif isinstance(part, ast.Constant) and isinstance(part.value, str):
                    found.append(part.value)
    return found


@pytest.mark.parametrize(
    "package", ["planner", "profiles", "executor/service.py", "executor/physics.py", "executor/distributed/config.py"]
)
def test_libraries_do_not_speak_of_configuration(package: str) -> None:
    """Tests that no error of a library names a field of the command line, such as program.late."""
    path = ROOT / package
    groups = "solver|program|objective|workload|profile|cadence|engine"
    texts = [(f.name, t) for f in ([path] if path.is_file() else path.rglob("*.py")) for t in raised_texts(f)]
    assert texts
    assert [(f, t) for f, t in texts if re.search(rf"\b({groups})\.([a-z_]+|\{{\}}) (is|has)\b", t)] == []
