"""One door to all commands."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.__main__ import COMMANDS, listing

ROOT = Path(__file__).resolve().parents[2]


def ask(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``python -m experiments`` with some arguments."""
    return subprocess.run([sys.executable, "-m", "experiments", *arguments], capture_output=True, text=True)


def test_every_command_is_there_and_listed() -> None:
    """The module of each can be found, and the list has it with what it does."""
    text = listing()
    for name, command in COMMANDS.items():
        assert importlib.util.find_spec(command.module) is not None
        assert f"  {name:<10} {command.what}" in text


def test_every_door_is_listed() -> None:
    """No module or package of experiments can be run that the list does not have."""
    runnable = {
        path.stem if path.name != "__main__.py" else path.parent.name
        for path in (ROOT / "experiments").rglob("*.py")
        if '__name__ == "__main__"' in path.read_text() and path.parent.name != "studies"
    }
    assert runnable - {"experiments"} <= set(COMMANDS)


def test_without_a_command_all_are_printed() -> None:
    """Nothing, and --help, print the list and leave with 0."""
    assert ask().stdout == ask("--help").stdout == listing() + "\n"


@pytest.mark.parametrize("name", ["capacity", "profiles", "run"])
def test_a_command_gets_its_own_help(name: str) -> None:
    """What follows the name is the command's."""
    done = ask(name, "--help")
    assert done.returncode == 0 and "error" not in done.stderr
    assert len(done.stdout) > 300


def test_a_misspelt_command_is_explained() -> None:
    """The likely one is named, with exit code 2."""
    done = ask("compre")
    assert done.returncode == 2 and "did you mean compare?" in done.stderr and done.stderr.count("\n") == 1
