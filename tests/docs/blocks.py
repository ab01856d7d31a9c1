"""Blocks of code in the documents, and how each is carried out or at least checked."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import re
import shlex
import signal
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import hydra
import pytest

from experiments.cli import compose
from experiments.config import register
from experiments.config.serving import ServerConfig
from experiments.docs.filling import ROOT
from experiments.serve.wanted import Asked

FENCE = re.compile(
    r"(?:^<!-- (?P<mark>not run|run with|needs|file|continues): (?P<word>[^>]+?) -->\n)?"
    r"^```(?P<language>\S*)\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
LANGUAGES = ("console", "python", "csv", "json", "text")
PROGRAMS = (".", "curl", "export", "mypy", "pip", "python", "python3", "make", "ray", "ruff")
"""Programs that a document may show."""

COMPOSED = ("experiments.run", "experiments.compare", "experiments.bound", "experiments.foresight")
"""Modules that take overrides."""

CLOCK = re.compile(r"\d+(?:\.\d+)? (?:s|ms)\b")


@dataclass(frozen=True)
class Block:
    """A block between fences, with the comment above it, such as ``<!-- not run: needs a GPU -->``."""

    path: Path
    line: int
    language: str
    text: str
    mark: str | None = None
    word: str = ""

    def __str__(self) -> str:
        return f"{self.path.name}:{self.line}"


@dataclass(frozen=True)
class Command:
    """A command of a console block, and the output that is shown for it."""

    text: str
    output: str

    @property
    def parts(self) -> list[list[str]]:
        """Words of the command, without remarks, divided at ``&&``."""
        parts: list[list[str]] = [[]]
        for word in shlex.split(self.text, comments=True):
            if word == "&&":
                parts.append([])
            else:
                parts[-1].append(word)
        return parts


def blocks_of(path: Path, text: str) -> list[Block]:
    """Find all blocks of a document."""
    return [
        Block(path, text.count("\n", 0, m.start("language")) + 1, m["language"], m["text"], m["mark"], m["word"] or "")
        for m in FENCE.finditer(text)
    ]


def commands_of(block: Block) -> list[Command]:
    """Divide a console block into commands, which stand behind ``$``, and what they print."""
    lines = block.text.replace("\\\n", " ").splitlines()
    assert lines, f"{block}: nothing in the block"
    assert lines[0].startswith("$ "), f"{block}: a console block starts with a command behind '$ '"
    commands: list[tuple[str, list[str]]] = []
    for line in lines:
        if line.startswith("$ "):
            commands.append((line[2:], []))
        else:
            commands[-1][1].append(line)
    return [Command(text, "\n".join(output)) for text, output in commands]


def carry_out(block: Block, directory: Path, above: Sequence[Block] = ()) -> None:
    """Run a block in a directory, or check it where its mark says why it is not run.

    With the mark ``continues``, the blocks ``above`` run before it, as one program.
    """
    assert block.language in LANGUAGES, f"{block}: {block.language!r} is none of {', '.join(LANGUAGES)}"
    if block.language == "python":
        names: dict[str, Any] = {"__name__": "__main__"}
        for part in (*above, block) if block.mark == "continues" else (block,):
            _python(part, directory, names)
    if block.language == "console":
        for command in commands_of(block):
            for words in command.parts:
                check(words, str(block))
                if block.mark != "not run":
                    _run(words, command, block, directory)


def _python(block: Block, directory: Path, names: dict[str, Any]) -> None:
    code = compile(block.text, str(block), "exec", dont_inherit=True)
    if block.mark == "not run":
        return
    if block.mark == "needs":
        pytest.importorskip(block.word)
    with contextlib.chdir(directory), contextlib.redirect_stdout(io.StringIO()):
        exec(code, names)


def check(words: list[str], where: str) -> None:
    """Check that a command is one: the module, target or extra, each flag and each override exist."""
    program, *rest = words
    assert program in PROGRAMS, f"{where}: {program} is no program that documents may show: {', '.join(PROGRAMS)}"
    if program == "make":
        for target in rest:
            assert re.search(rf"^{re.escape(target)}:", (ROOT / "Makefile").read_text(), re.M), (
                f"{where}: make {target}"
            )
    if program == "pip":
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
        named = re.findall(r"[\w-]+", "".join(re.findall(r"\[(.*)\]", " ".join(rest))))
        assert set(named) <= set(extras), f"{where}: the extras are {', '.join(extras)}"
    if program == "curl":
        fields = json.loads(rest[rest.index("-d") + 1])
        assert {*fields} <= {*Asked.model_fields}, f"{where}: {', '.join(fields)}"
        assert any(word.endswith("/v1/images/generations") for word in rest), where
        Asked.model_validate(fields)
    if program == "python" and rest[:1] == ["-m"] and rest[1] != "pytest":
        _check_module(rest[1], rest[2:], where)


def _check_module(module: str, words: list[str], where: str) -> None:
    overrides = [word for word in words if re.match(r"\+?[a-z][\w./]*=", word)]
    many = module == "experiments.run" and "-m" in words
    if module in COMPOSED:
        for override in overrides if many else ():  # one by one, as they are lists of values
            name = override.partition("=")[0]
            for value in override.split(","):
                compose([value if "=" in value else f"{name}={value}"])
        if not many:
            compose(overrides)
    if module == "experiments.serve":
        register("tetriplan_serve", ServerConfig)
        with hydra.initialize(version_base="1.3", config_path=None):
            hydra.compose("tetriplan_serve", overrides)
    flags = [word.partition("=")[0] for word in words if word.startswith("--") and word != "--help"]
    commands = [word for word in words[:1] if word.isidentifier()] if flags else []
    try:
        said, _ = call(module, [*commands, "--help"]) if flags else ("", _entry(module))
    except ModuleNotFoundError as error:
        pytest.skip(f"{where}: needs {error.name}")
    for flag in flags:
        assert re.search(rf"(?<![\w-]){re.escape(flag)}(?![\w-])", said), f"{where}: {module} has no {flag}"


def _run(words: list[str], command: Command, block: Block, directory: Path) -> None:
    assert words[:2] == ["python", "-m"], f"{block}: {words[0]} cannot be run by a test; say why: <!-- not run: ... -->"
    more = shlex.split(block.word) if block.mark == "run with" else []
    with contextlib.chdir(directory):
        said, status = call(words[2], [*words[3:], *more])
    shown = command.output
    fails = shown.startswith("error: ") or "error" in shown.partition("\n")[0]
    assert (status != 0) == fails, f"{block}: {' '.join(words)}\nended with {status}:\n{said}"
    assert not shown or matches(shown, said), f"{block}: {' '.join(words)}\nshows:\n{shown}\nbut prints:\n{said}"


def matches(shown: str, said: str) -> bool:
    """Whether output is what a document shows: ``...`` stands for anything, and times on a clock may differ."""
    pattern = ".*".join(re.escape(CLOCK.sub("TIME", part)) for part in _trimmed(shown).split("..."))
    return re.fullmatch(pattern, CLOCK.sub("TIME", _trimmed(said)), re.DOTALL) is not None


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def _entry(module: str) -> Any:
    """Import what ``python -m`` would run."""
    found = importlib.import_module(module)
    return importlib.import_module(f"{module}.__main__").main if hasattr(found, "__path__") else found.main


def call(module: str, words: list[str]) -> tuple[str, int]:
    """Do as ``python -m module words`` in this process; return what it prints and its exit status."""
    main = _entry(module)
    printed = io.StringIO()
    status: Any = 0
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed), _undisturbed():
        try:
            with mock.patch.object(sys, "argv", [module, *words]):
                status = main()
        except SystemExit as end:
            status = end.code
    return printed.getvalue(), int(status or 0)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Leave the handlers of signals as they were."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
