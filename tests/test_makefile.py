"""Every command with which a committed table is made is accepted, up to where its study would begin."""

import importlib
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from experiments.__main__ import COMMANDS
from experiments.studies import study

ROOT = Path(__file__).parents[1]
NOT_STUDIES = ("docs", "run", "serve")
NEED_WORKERS = ("fidelity",)


class BegunError(BaseException):
    """A study would begin."""


def commands() -> list[list[str]]:
    """Words of every command of ``make tables`` and its like, after ``python -m experiments.``."""
    targets = [
        line.split(":")[0] for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith("tables-")
    ]
    if shutil.which("make") is None:
        return []
    made = subprocess.run(
        ["make", "-n", "VENV=/nowhere", *targets], capture_output=True, text=True, cwd=ROOT, check=True
    )
    lines = made.stdout.replace("\\\n", " ").splitlines()
    found = [shlex.split(line.partition("python -m experiments.")[2]) for line in lines if "-m experiments." in line]
    return [words for words in found if words and words[0] not in (*NOT_STUDIES, *NEED_WORKERS)]


@pytest.mark.parametrize("words", commands(), ids=lambda words: " ".join(words)[:80])
def test_tables_can_be_made(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing of the command is refused: it asks for its directory."""

    def begin(*_: object, **__: object) -> None:
        raise BegunError

    monkeypatch.setattr(study, "prepare_directory", begin)
    module = importlib.import_module(COMMANDS[words[0]].module)
    if not hasattr(module, "main"):
        module = importlib.import_module(f"{COMMANDS[words[0]].module}.__main__")
    with pytest.raises(BegunError):
        code = module.main(words[1:])
        raise AssertionError(f"it ended with {code}: {capsys.readouterr().err}")
